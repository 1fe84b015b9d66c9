import {
  CreatePaymentReplySchema,
  ResolvedPaymentReplySchema,
  ResolvePaymentBodySchema,
  RetryPaymentBodySchema,
} from '@emr-payments/contracts';
import { componentRef, OPTIONAL_BODY } from '../openapi/component-ref.ts';
import {
  BODY_ERRORS,
  errorResponses,
  KEY_ERRORS,
  KEYED_ANSWER_HEADERS,
  KeyedHeadersSchema,
  USER_ERRORS,
  USER_SECURITY,
} from '../openapi/error-responses.ts';
import { PaymentParamsSchema } from './read-operations.ts';

const ERRORS = [...USER_ERRORS, ...BODY_ERRORS, ...KEY_ERRORS, 'payment_not_found', 'invalid_state'] as const;

export const retryPaymentOperation = {
  operationId: 'retryPayment',
  tags: ['Payments'],
  summary: 'Post a failed payment again',
  description:
    'Posts the same payment again after the cause of its failure is corrected, if necessary with another payment method or ' +
    'location. It goes to the EMR patient id that its MRN has now. Allowed only in the state `failed`: a payment in `needs_review` may be in ' +
    'the EMR and has to be resolved first. ' +
    'Without a body nothing is corrected.',
  security: USER_SECURITY,
  params: PaymentParamsSchema,
  headers: KeyedHeadersSchema,
  body: componentRef(RetryPaymentBodySchema),
  [OPTIONAL_BODY]: true,
  response: {
    200: {
      ...componentRef(CreatePaymentReplySchema),
      description: 'The payment is queued again, with the same ids',
      headers: KEYED_ANSWER_HEADERS,
    },
    ...errorResponses([...ERRORS, 'retry_limit_reached', 'patient_not_found', 'patient_changed']),
  },
};

export const resolvePaymentOperation = {
  operationId: 'resolvePayment',
  tags: ['Payments'],
  summary: 'Settle a payment that needs a review',
  description: [
    'Settles a payment in `needs_review` on the statement of a person who has looked in the EMR. `posted` takes the ' +
      "EMR's transaction id where the EMR shows one; `not_posted` makes the payment `failed`, from where it can be retried.",
    'You get the event of the new state, and the note is kept in the audit log.',
  ].join('\n\n'),
  security: USER_SECURITY,
  params: PaymentParamsSchema,
  headers: KeyedHeadersSchema,
  body: componentRef(ResolvePaymentBodySchema),
  response: {
    200: {
      ...componentRef(ResolvedPaymentReplySchema),
      description: 'The payment is settled',
      headers: KEYED_ANSWER_HEADERS,
    },
    ...errorResponses(ERRORS),
  },
};
