import { type Static, Type } from '@sinclair/typebox';
import { CONNECT_ERRORS } from './errors/connect-errors.ts';
import type { ErrorDetails, ErrorEntry } from './errors/error-entry.ts';
import { OPERATOR_ERRORS } from './errors/operator-errors.ts';
import { PAYMENT_ERRORS } from './errors/payment-errors.ts';
import { REQUEST_ERRORS } from './errors/request-errors.ts';
import { SERVICE_ERRORS } from './errors/service-errors.ts';
import { WEBHOOK_ERRORS } from './errors/webhook-errors.ts';
import { always } from './replies.ts';

/** The catalogue of the API's errors: code → status → sentence. The sentences of `invalid_field`, `patient_not_found` and `user_not_found` are published. */
export const ERRORS = {
  ...REQUEST_ERRORS,
  ...PAYMENT_ERRORS,
  ...WEBHOOK_ERRORS,
  ...CONNECT_ERRORS,
  ...OPERATOR_ERRORS,
  ...SERVICE_ERRORS,
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];

const OPERATOR_CODES = Object.keys(OPERATOR_ERRORS);
const CODES_OF_ALL = ERROR_CODES.filter((code) => !OPERATOR_CODES.includes(code));

/** The body of every error answer. Its first two fields are published; programs decide by `code`. */
export const ErrorReplySchema = Type.Object(
  {
    success: always(false),
    message: Type.String({ description: 'For people. Programs use `code`.' }),
    code: Type.Unsafe<ErrorCode>({
      type: 'string',
      description:
        `Stable and machine-readable. New codes may be added. Today: ${CODES_OF_ALL.join(', ')}; ` +
        `of the operator's API alone: ${OPERATOR_CODES.join(', ')}.`,
      examples: ['invalid_field'],
    }),
    hint: Type.Optional(
      Type.String({
        description:
          'What may be wrong with the request and what to do, for people: for example which header is missing. Its wording may ' +
          'change, and most errors have none.',
        examples: ['The header `access_token` is missing.'],
      }),
    ),
    request_id: Type.String({ description: 'Id of the request; also in the header `x-request-id`.' }),
    safe_to_retry: Type.Boolean({
      description:
        'true: send the same request again after a pause, with the same Idempotency-Key if it had one; nothing is created twice. ' +
        'false: do not send it again unchanged: it would be refused again, or (a POST or PATCH without an Idempotency-Key that ' +
        'got a 500 or 503) it may already have been accepted.',
    }),
  },
  { $id: 'ErrorReply', description: 'The body of every error answer.' },
);

export type ErrorReply = Static<typeof ErrorReplySchema>;

/**
 * Writes the answer to one failed request.
 *
 * @param input.repeatable true when sending the request twice is harmless: its Idempotency-Key is honoured, it stores nothing, or it deletes.
 */
export function errorReply(
  code: ErrorCode,
  input: { requestId: string; repeatable: boolean; details?: ErrorDetails },
): ErrorReply {
  const entry: ErrorEntry = ERRORS[code];
  return {
    success: false,
    message: entry.sentence(input.details ?? {}),
    code,
    ...(input.details?.hint === undefined ? {} : { hint: input.details.hint }),
    request_id: input.requestId,
    safe_to_retry: entry.retry === 'always' || (entry.retry === 'with_key' && input.repeatable),
  };
}
