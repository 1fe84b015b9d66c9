import type { ErrorCode } from '@emr-payments/contracts';

/** What every request of a user can be answered with. */
export const USER_ERRORS = [
  'invalid_field',
  'malformed_request',
  'invalid_client',
  'user_not_found',
  'method_not_allowed',
  'request_timeout',
  'rate_limited',
  'headers_too_large',
  'internal_error',
  'service_unavailable',
] as const satisfies ErrorCode[];

/** What any with a body can. */
export const BODY_ERRORS = [
  'missing_body',
  'invalid_json',
  'invalid_body',
  'payload_too_large',
  'unsupported_media_type',
] as const satisfies ErrorCode[];

/** What any with an Idempotency-Key can. */
export const KEY_ERRORS = ['idempotency_key_reused'] as const satisfies ErrorCode[];

/** What any that asks the EMR can. */
export const EMR_ERRORS = [
  'connection_unusable',
  'emr_unavailable',
  'emr_timeout',
] as const satisfies ErrorCode[];

/** The three credentials of a user's request. */
export const USER_SECURITY = [{ client_id: [], client_secret: [], access_token: [] }];
