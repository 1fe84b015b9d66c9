import { CREATE_PAYMENT_REPLY_EXAMPLE, CreatePaymentAnswerSchema } from '@emr-payments/contracts';
import { componentRef } from '../openapi/component-ref.ts';
import {
  EMR_ERRORS,
  errorResponses,
  KEYED_ANSWER_HEADERS,
  KeyedHeadersSchema,
} from '../openapi/error-responses.ts';
import { DRY_RUN_EXAMPLE } from './components.ts';

/** Describes `POST /v1/payments` for the OpenAPI document, with the schemas that serialize its answers. */
export const createPaymentOperation = {
  operationId: 'createPayment',
  tags: ['Payments'],
  summary: 'Create Payment',
  description: [
    'Posting payments is an asynchronous operation. The endpoint validates your request, queues the payment, and ' +
      'returns immediately with a `payment_id` and `job_id`. The payment is posted to the EMR by a background worker, ' +
      'and a webhook event is sent to your registered endpoint upon completion.',
    'Unknown fields are refused; null in an optional field counts as leaving it out. Send an `Idempotency-Key` with every payment: a request that got no answer can then be sent ' +
      'again without creating a second payment.',
    'For an MRN that is not known yet the EMR is asked, once and for at most 3 seconds, where it can be searched: one patient is stored, and the ' +
      'payment accepted. When the EMR does not say, the answer is 503 `patient_lookup_unavailable`: nothing was accepted.',
    'With `?dry_run=true` everything is checked, including the payment method and location in the EMR, and nothing is written.',
  ].join('\n\n'),
  security: [{ client_id: [], client_secret: [], access_token: [] }],
  headers: KeyedHeadersSchema,
  response: {
    200: {
      description: 'Payment queued successfully; with `dry_run=true` the payment as it would be posted',
      headers: KEYED_ANSWER_HEADERS,
      content: {
        'application/json': {
          schema: componentRef(CreatePaymentAnswerSchema),
          examples: {
            queued: { summary: 'Payment queued', value: CREATE_PAYMENT_REPLY_EXAMPLE },
            dry_run: { summary: 'With `dry_run=true`', value: DRY_RUN_EXAMPLE },
          },
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
      'rate_limited',
      ...EMR_ERRORS,
      'idempotency_key_in_flight',
      'payload_too_large',
      'unsupported_media_type',
      'idempotency_key_reused',
      'method_needs_data',
      'headers_too_large',
      'expectation_failed',
      'internal_error',
      'patient_lookup_unavailable',
      'service_unavailable',
    ]),
  },
};
