import { ListPaymentsQuerySchema, PaymentListSchema, PaymentReplySchema } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses, USER_ERRORS, USER_SECURITY } from '../openapi/error-responses.ts';

/** The path parameter of everything about one payment. What cannot be an id is answered like an unknown one. */
export const PaymentParamsSchema = Type.Object({
  id: Type.String({
    description: 'The `payment_id`.',
    examples: ['123e4567e89b12d3a456426614174001'],
  }),
});

export const getPaymentOperation = {
  operationId: 'getPayment',
  tags: ['Payments'],
  summary: 'Get Payment',
  description: 'One payment with its state, what was sent to the EMR, and what you were told of it.',
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
  summary: 'List Payments',
  description: [
    'Newest first. Give `next_cursor` as `cursor` for the next page: payments that come in meanwhile move nothing.',
    'The worklist, what a person has to look at: `?status=failed&status=needs_review`.',
  ].join('\n\n'),
  security: USER_SECURITY,
  querystring: ListPaymentsQuerySchema,
  response: {
    200: { ...componentRef(PaymentListSchema), description: 'One page', headers: ANSWER_HEADERS },
    ...errorResponses([...USER_ERRORS]),
  },
};
