import { CreatePaymentReplySchema, HEADERS } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { componentRef } from '../openapi/component-ref.ts';
import { ANSWER_HEADERS, errorResponses } from '../openapi/error-responses.ts';

/** How `POST /v1/payments` stands in the OpenAPI document, and the schemas that its answers are written by. */
export const createPaymentOperation = {
  operationId: 'createPayment',
  tags: ['Payments'],
  summary: 'Create Payment',
  description: [
    'Posting payments is an asynchronous operation. The endpoint validates your request, queues the payment, and ' +
      'returns immediately with a `payment_id` and `job_id`. The payment is posted to the EMR by a background worker, ' +
      'and a webhook event is sent to your registered endpoint upon completion.',
    'Unknown fields are refused. Send an `Idempotency-Key` with every payment: then a request that got no answer can ' +
      'be sent again without a second payment.',
  ].join('\n\n'),
  security: [{ client_id: [], client_secret: [], access_token: [] }],
  headers: Type.Object({
    'Idempotency-Key': Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 255,
        pattern: '^[\\x21-\\x7e]{1,255}$',
        description:
          'A value of your choosing, new for each payment. The same key with the same body gets the first answer ' +
          'again, with `Idempotent-Replayed: true`; with another body 422. Kept for seven days.',
      }),
    ),
    [HEADERS.requestId]: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]{1,128}$',
        description: 'Your own id for this request, for the logs of both sides. Without it one is made.',
      }),
    ),
  }),
  response: {
    200: {
      ...componentRef(CreatePaymentReplySchema),
      description: 'Payment queued successfully',
      headers: {
        ...ANSWER_HEADERS,
        'Idempotent-Replayed': {
          type: 'string',
          enum: ['true'],
          description: 'This is the answer to an earlier request with the same Idempotency-Key.',
        },
      },
    },
    ...errorResponses([
      'invalid_field',
      'missing_body',
      'invalid_json',
      'invalid_body',
      'malformed_request',
      'invalid_client',
      'patient_not_found',
      'user_not_found',
      'method_not_allowed',
      'request_timeout',
      'idempotency_key_in_flight',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
      'headers_too_large',
      'internal_error',
      'service_unavailable',
    ]),
  },
};
