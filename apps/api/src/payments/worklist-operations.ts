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

const errors = errorResponses([
  ...USER_ERRORS,
  ...BODY_ERRORS,
  ...KEY_ERRORS,
  'payment_not_found',
  'invalid_state',
]);

export const retryPaymentOperation = {
  operationId: 'retryPayment',
  tags: ['Payments'],
  summary: 'Retry Payment',
  description:
    'Posts the same payment again after its cause is mended, with a corrected payment method or location if need be. Only ' +
    'from `failed`: one that needs a review may stand in the EMR, and is resolved first. Without a body nothing is corrected.',
  security: USER_SECURITY,
  params: PaymentParamsSchema,
  headers: KeyedHeadersSchema,
  body: componentRef(RetryPaymentBodySchema),
  [OPTIONAL_BODY]: true,
  response: {
    200: {
      ...componentRef(CreatePaymentReplySchema),
      description: 'It is queued again, with the same ids',
      headers: KEYED_ANSWER_HEADERS,
    },
    ...errors,
  },
};

export const resolvePaymentOperation = {
  operationId: 'resolvePayment',
  tags: ['Payments'],
  summary: 'Resolve Payment',
  description: [
    'Settles a payment that needs a review by the word of a person who has looked in the EMR. `posted` takes the ' +
      "EMR's transaction id; `not_posted` makes it `failed`, from where it can be retried.",
    'You get the event of that end, and the note is kept in the audit log.',
  ].join('\n\n'),
  security: USER_SECURITY,
  params: PaymentParamsSchema,
  headers: KeyedHeadersSchema,
  body: componentRef(ResolvePaymentBodySchema),
  response: {
    200: {
      ...componentRef(ResolvedPaymentReplySchema),
      description: 'It is settled',
      headers: KEYED_ANSWER_HEADERS,
    },
    ...errors,
  },
};
