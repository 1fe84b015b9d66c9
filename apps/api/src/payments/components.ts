import {
  type ConnectionReply,
  ConnectionReplySchema,
  CreatePaymentAnswerSchema,
  type DryRunReply,
  JobReplySchema,
  JobSchema,
  type JobView,
  type LocationsReply,
  LocationsReplySchema,
  PaymentListSchema,
  type PaymentMethodsReply,
  PaymentMethodsReplySchema,
  PaymentReplySchema,
  PaymentSchema,
  ReconciliationReplySchema,
  type ResolvedPaymentReply,
  ResolvedPaymentReplySchema,
  ResolvePaymentBodySchema,
  RetryPaymentBodySchema,
  SyncBodySchema,
  type SyncReply,
  SyncReplySchema,
  TallySchema,
} from '@emr-payments/contracts';
import { RECONCILIATION_EXAMPLE } from '../reconciliation/operation.ts';
import { PAYMENT_EXAMPLE } from './payment-example.ts';

type FieldView = ConnectionReply['data']['fields'][number];

const kept = (field: FieldView['field'], as: string): FieldView => ({
  field,
  kept: 'whole',
  as,
  to: null,
  rest: null,
  why: null,
});

/** An EMR that cuts two texts. */
const FIELDS: FieldView[] = [
  kept('payment_id', 'PayNote'),
  kept('patient_mrn', 'PatNum'),
  kept('amount', 'PayAmt'),
  kept('payment_method', 'PayType'),
  { field: 'reference_number', kept: 'cut', as: 'CheckNum', to: 25, rest: 'notes', why: null },
  kept('location', 'ClinicNum'),
  { field: 'notes', kept: 'cut', as: 'PayNote', to: 3900, rest: null, why: null },
  kept('deposit_date', 'PayDate'),
];

const CARD = { id: '395', name: 'Card' };
const LOCATION = { id: '12', name: 'Main Street' };

export const DRY_RUN_EXAMPLE: DryRunReply = {
  success: true,
  message: 'The payment would be posted like this. Nothing was written.',
  data: {
    would_post: true,
    patient_mrn: 'MRN-12345',
    payment_method: CARD,
    location: LOCATION,
    reference_number: '#123456',
    amount: 350,
    deposit_date: '2026-06-15',
    dropped_fields: [],
    // This reference and note fit.
    fields: FIELDS.map((each) => ({ ...each, kept: 'whole', to: null, rest: null })),
  },
};

const JOB: JobView = {
  job_id: 12345,
  kind: 'post_payment',
  status: 'failed',
  payment_id: PAYMENT_EXAMPLE.payment_id,
  sync: null,
  created_at: PAYMENT_EXAMPLE.created_at,
  settled_at: PAYMENT_EXAMPLE.settled_at,
};

const RESOLVED: ResolvedPaymentReply = {
  success: true,
  message: 'Payment settled. A webhook event will be sent.',
  data: {
    payment_id: PAYMENT_EXAMPLE.payment_id,
    status: 'posted',
    event_id: 'evt_1J9X2q2eZvKYlo2CluR9g9gV',
  },
};

const CONNECTION: ConnectionReply = {
  success: true,
  message: 'What the EMR connection supports.',
  data: {
    user_id: 'user_1J9X2q2eZvKYlo2CluR9g9gV',
    adapter: 'open-dental',
    capability: 'lookup',
    time_zone: 'America/New_York',
    health: {
      state: 'connected',
      since: '2026-06-15T10:30:00.000Z',
      last_success_at: '2026-06-15T11:02:00.000Z',
      last_trouble: null,
    },
    lists_read: true,
    dropped_fields: [],
    fields: FIELDS,
    method_needs: [],
    limits: ['1 request a second, for the pair of keys'],
    any_payment_method: false,
    any_location: false,
    payment_methods: [{ ...CARD, usable: true, needs: null }],
    locations: [{ ...LOCATION, identifiers: ['1404'] }],
  },
};

const METHODS: PaymentMethodsReply = {
  success: true,
  message: 'Payment methods.',
  data: {
    any_payment_method: false,
    payment_methods: CONNECTION.data.payment_methods,
    synced_at: '2026-06-15T02:10:00.000Z',
  },
};

const LOCATIONS: LocationsReply = {
  success: true,
  message: 'Locations.',
  data: {
    any_location: false,
    locations: CONNECTION.data.locations,
    synced_at: '2026-06-15T02:10:00.000Z',
  },
};

const SYNC: SyncReply = { success: true, message: 'Sync started. GET the job to follow it.', job_id: 12346 };

/** The document's components for the routes of a user: each schema with an example. */
export const USER_COMPONENTS = [
  TallySchema,
  RetryPaymentBodySchema,
  ResolvePaymentBodySchema,
  { ...PaymentSchema, examples: [PAYMENT_EXAMPLE] },
  {
    ...PaymentReplySchema,
    examples: [{ success: true, message: 'Payment.', data: PAYMENT_EXAMPLE }],
  },
  {
    ...PaymentListSchema,
    examples: [
      { success: true, message: 'Payments.', data: [PAYMENT_EXAMPLE], has_more: false, next_cursor: null },
    ],
  },
  { ...JobSchema, examples: [JOB] },
  { ...JobReplySchema, examples: [{ success: true, message: 'Job.', data: JOB }] },
  { ...ResolvedPaymentReplySchema, examples: [RESOLVED] },
  { ...ConnectionReplySchema, examples: [CONNECTION] },
  { ...PaymentMethodsReplySchema, examples: [METHODS] },
  { ...LocationsReplySchema, examples: [LOCATIONS] },
  { ...SyncBodySchema, examples: [{ full: true }] },
  { ...SyncReplySchema, examples: [SYNC] },
  CreatePaymentAnswerSchema,
  { ...ReconciliationReplySchema, examples: [RECONCILIATION_EXAMPLE] },
];
