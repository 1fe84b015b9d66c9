import { ListPaymentsQuerySchema, PaymentListSchema, PaymentReplySchema } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';

/** The path parameter of all routes about one payment. A text that cannot be an id is answered like an unknown id. */
export const PaymentParamsSchema = Type.Object({
  id: Type.String({
    description: 'The `payment_id`.',
    examples: ['123e4567e89b12d3a456426614174001'],
  }),
});

export const getPaymentOperation = {
  operationId: 'getPayment',
  tags: ['Payments'],
  summary: 'Read a payment',
  description: 'One payment with its state, its posting attempts and its events.',
  security: USER_SECURITY,
  params: PaymentParamsSchema,
  response: {
    200: { ...componentRef(PaymentReplySchema), description: 'The payment', headers: ANSWER_HEADERS },
    ...errorResponses([...USER_ERRORS, 'payment_not_found']),
  },
};

export const listPaymentsOperation = {
  operationId: 'listPayments',
  tags: ['Payments'],
  summary: 'List payments',
  description: [
    'Newest first. Send `next_cursor` as `cursor` to get the next page; payments that arrive in between do not shift it.',
    'The worklist, the payments that a person has to handle: `?status=failed&status=needs_review`.',
  ].join('\n\n'),
  security: USER_SECURITY,
  querystring: ListPaymentsQuerySchema,
  response: {
    200: { ...componentRef(PaymentListSchema), description: 'One page', headers: ANSWER_HEADERS },
    ...errorResponses([...USER_ERRORS, 'read_too_costly']),
  },
};
