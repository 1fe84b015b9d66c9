import { FAILURE_CODES, type PaymentView } from '@emr-payments/contracts';

/** A payment that could not be posted: an example in which every field has a value that readers must handle. */
export const PAYMENT_EXAMPLE: PaymentView = {
  payment_id: '123e4567e89b12d3a456426614174001',
  job_id: 12345,
  status: 'failed',
  on_hold: false,
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: '#123456',
  location: '1404',
  amount: 350,
  notes: 'Patient copay collected at front desk',
  deposit_date: '2026-06-15',
  emr_transaction_id: null,
  failure: {
    code: 'closed_period',
    reason: `${FAILURE_CODES.closed_period.says} The EMR answered HTTP 422, issue code business-rule, about deposit_date.`,
    action: FAILURE_CODES.closed_period.action,
  },
  waiting: null,
  attempts: [
    {
      number: 1,
      sent_at: '2026-06-15T10:30:00.120Z',
      finished_at: '2026-06-15T10:30:00.480Z',
      outcome: 'refused',
      code: 'closed_period',
    },
  ],
  events: [
    { id: 'evt_1J9X2q2eZvKYlo2CluR9g9gW', type: 'payment.failed', created: '2026-06-15T10:30:00.480Z' },
  ],
  created_at: '2026-06-15T10:29:59.950Z',
  settled_at: '2026-06-15T10:30:00.480Z',
};
