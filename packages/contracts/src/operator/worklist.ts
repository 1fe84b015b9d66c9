import { type Static, Type } from '@sinclair/typebox';
import { PaymentSchema } from '../payment-reads.ts';
import { bigInteger, listOf, PAGE_QUERY, replyOf } from '../replies.ts';
import { AT, clientId, filterOf, listExample, refTo, replyExample, userId, withExample } from './parts.ts';

/** A payment as the integrator sees it, and whose it is. The EMR's own words are not in it. */
export const OperatorPaymentSchema = Type.Object(
  { ...PaymentSchema.properties, user_id: userId, client_id: clientId },
  {
    $id: 'OperatorPayment',
    description:
      "A payment as its integrator sees it, and whose it is. It holds data of a patient. The EMR's own words are not part of it: the command line shows them.",
  },
);
export type OperatorPayment = Static<typeof OperatorPaymentSchema>;

const payment = {
  payment_id: '123e4567e89b12d3a456426614174001',
  job_id: 12_345,
  status: 'needs_review',
  on_hold: false,
  patient_mrn: 'MRN-12345',
  payment_method: 'Card',
  reference_number: '#123456',
  location: '1404',
  amount: 350,
  notes: null,
  deposit_date: '2026-06-15',
  emr_transaction_id: null,
  failure: {
    code: 'outcome_unknown',
    reason: 'The EMR did not answer and cannot be asked whether it has the payment.',
    action: 'Look in the EMR, then resolve the payment.',
  },
  waiting: null,
  attempts: [{ number: 1, sent_at: AT, finished_at: AT, outcome: 'unknown', code: 'timeout' }],
  events: [{ id: 'evt_1J9X2q2eZvKYlo2CluR9g9gV', type: 'payment.review_required', created: AT }],
  created_at: AT,
  settled_at: AT,
  user_id: 'user_1J9X2q2eZvKYlo2Cxyz',
  client_id: 'ci_live_1J9X2q2eZvKYlo2CluR9g9gVabcdefgh',
};

export const WorklistSchema = withExample(
  listOf('OperatorWorklist', refTo(OperatorPaymentSchema), 'Payments that wait for a person, newest first'),
  listExample('Payments that wait for a person.', payment),
);
export const OperatorPaymentReplySchema = withExample(
  replyOf('OperatorPaymentReply', refTo(OperatorPaymentSchema), 'The payment'),
  replyExample('Payment.', payment),
);

export const WorklistQuerySchema = Type.Object(
  {
    status: Type.Optional(
      Type.Array(
        Type.Unsafe<'needs_review' | 'failed'>({
          type: 'string',
          enum: ['needs_review', 'failed'],
          description: 'A state in which a payment waits for a person.',
        }),
        {
          minItems: 1,
          maxItems: 2,
          uniqueItems: true,
          description: 'Only payments in this state; repeat it for both. By default `needs_review`.',
        },
      ),
    ),
    client_id: filterOf('Only payments of this client.'),
    user_id: filterOf('Only payments of this user.'),
    ...PAGE_QUERY,
  },
  { additionalProperties: false },
);

export const RetriedPaymentReplySchema = withExample(
  replyOf(
    'OperatorPaymentRetried',
    Type.Object(
      {
        payment_id: Type.String({ description: 'Unique identifier of the payment.' }),
        job_id: bigInteger({ description: 'The work on it.', examples: [12_345] }),
      },
      { title: 'RetriedPayment', description: 'A payment that is posted again under the same id.' },
    ),
    'The payment is queued again',
  ),
  replyExample('Payment queued again.', { payment_id: payment.payment_id, job_id: 12_345 }),
);
