import { HEADERS } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { ANSWER_HEADERS } from './error-responses.ts';

/** The headers that a write takes beside the credentials. */
export const KeyedHeadersSchema = Type.Object({
  'Idempotency-Key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        'A value of your choosing, new for each request that makes something. The same key with the same request gets ' +
        'the first answer again, with `Idempotent-Replayed: true`; with another request 422. Kept for seven days.',
    }),
  ),
  [HEADERS.requestId]: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9._-]{1,128}$',
      description: 'Your own id for this request, for the logs of both sides. Without it one is made.',
    }),
  ),
});

/** The headers of its answer. */
export const KEYED_ANSWER_HEADERS = {
  ...ANSWER_HEADERS,
  'Idempotent-Replayed': {
    type: 'string',
    enum: ['true'],
    description: 'This is the answer to an earlier request with the same Idempotency-Key.',
  },
};
