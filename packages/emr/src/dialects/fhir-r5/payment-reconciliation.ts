import { sentence } from '@emr-payments/contracts';
import { moneyText } from '../../fhir/compare.ts';
import { methodCoding } from '../../fhir/method-coding.ts';
import type { PaymentResource } from '../../fhir/payment-resource.ts';
import type { Posting } from '../../posting.ts';
import { contradictionOf, differenceOf } from './compare-entry.ts';

/**
 * Maps a posting to FHIR R5 (https://hl7.org/fhir/R5/paymentreconciliation.html). R5 requires `type`, `status`,
 * `created`, `date` and `amount`; the payer of a patient payment is the Patient, in `paymentIssuer`.
 */
function toPaymentReconciliation(
  posting: Posting,
  { identifierSystem, now }: { identifierSystem: string; now: Date },
) {
  return {
    resourceType: 'PaymentReconciliation',
    identifier: [{ system: identifierSystem, value: posting.paymentId }],
    type: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment', display: 'Payment' },
      ],
    },
    status: 'active',
    created: now.toISOString(),
    paymentIssuer: { reference: `Patient/${posting.emrPatientId}` },
    method: { coding: [methodCoding(posting.method)], text: posting.method.name },
    referenceNumber: posting.referenceNumber,
    location: { reference: `Location/${posting.location.id}` },
    date: posting.depositDate,
    // Twelve digits at most: a JSON number carries them exactly.
    amount: { value: Number(posting.amount), currency: 'USD' },
    ...(posting.notes === null ? {} : { processNote: [{ type: 'display', text: posting.notes }] }),
  };
}

/** A payment as R5 has it: a PaymentReconciliation. */
export const paymentReconciliation = (names: { identifierSystem: string }): PaymentResource => ({
  type: 'PaymentReconciliation',
  compose: (posting, now) => toPaymentReconciliation(posting, { ...names, now }),
  amountOf: ({ amount }) => moneyText(amount),
  differenceOf,
  contradictionOf,
  elements: [
    { path: 'identifier', field: sentence`payment_id` },
    { path: 'paymentIssuer', field: sentence`patient_mrn`, code: 'unknown_patient' },
    { path: 'method', field: sentence`payment_method`, code: 'unknown_payment_method' },
    { path: 'referenceNumber', field: sentence`reference_number` },
    { path: 'location', field: sentence`location`, code: 'unknown_location' },
    { path: 'date', field: sentence`deposit_date`, isDate: true },
    { path: 'amount', field: sentence`amount`, code: 'amount_refused' },
    { path: 'processNote', field: sentence`notes` },
  ],
});
