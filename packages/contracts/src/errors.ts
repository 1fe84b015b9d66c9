import { type Static, Type } from '@sinclair/typebox';
import { always } from './replies.ts';

/**
 * When it is safe to send the same request again:
 * - `always`: nothing of it was stored;
 * - `with_key`: it may have been accepted. With its Idempotency-Key it cannot be accepted twice; what stores nothing, and a
 *   DELETE, are always safe;
 * - `never`: it will be refused again until something is changed.
 */
export type RetryRule = 'always' | 'with_key' | 'never';

type Entry = { status: number; retry: RetryRule; sentence: (details: ErrorDetails) => string; about: string };

/** The values that a sentence may contain. Each entry of the catalogue uses at most two of them. */
export type ErrorDetails = {
  field?: string;
  rule?: string;
  mrn?: string;
  allow?: string;
  /** State of the payment. */
  status?: string;
  /** Why the EMR could not be used: its own answer, or the failure on the way to it. */
  reason?: string;
  /** The limit that was exceeded. */
  limit?: string;
  /** The content type that the route takes, where it is not JSON. */
  mediaType?: string;
  /** Id of the webhook endpoint that has the URL. */
  endpoint?: string;
  /** Scope of an operator key. */
  scope?: string;
  /** Kind of a record, such as `client`. */
  record?: string;
  /** A likely mistake of the caller, in addition to the sentence. It depends on the request alone and holds none of its secrets. */
  hint?: string | undefined;
};

/** The catalogue of the API's errors: code → status → sentence. The sentences of the first three are published. */
export const ERRORS = {
  invalid_field: {
    status: 400,
    retry: 'never',
    about:
      'A field is missing, wrong, unknown or named twice, or its number changes when it is parsed (1.000000000000000000001). The ' +
      'first one in the published order is named, with its rule.',
    sentence: ({ field, rule }) => `Missing or invalid required field: ${field} (${rule})`,
  },
  patient_not_found: {
    status: 404,
    retry: 'never',
    about:
      'The MRN is not known for this user, or has no EMR patient id, and the EMR, where it can be asked, has not one patient with it. ' +
      'That is believed for a minute.',
    sentence: ({ mrn }) =>
      `Patient with MRN '${mrn}' not found. Please ensure the patient has been synced and has an EMR patient ID.`,
  },
  user_not_found: {
    status: 404,
    retry: 'never',
    about:
      'The access token is missing, unknown, revoked, or belongs to another client; of a connect session: you have no connected user ' +
      'with this `user_id`.',
    sentence: () => 'User not found.',
  },
  payment_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no payment of this id, or it is another user's.",
    sentence: () => 'Payment not found.',
  },
  job_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no job of this number, or it is another user's.",
    sentence: () => 'Job not found.',
  },
  endpoint_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no webhook endpoint of this id, or it is another client's, or it was deleted.",
    sentence: () => 'Webhook endpoint not found.',
  },
  event_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no event of this id, or it is another client's, or it is older than events are kept.",
    sentence: () => 'Event not found.',
  },
  recovery_not_found: {
    status: 404,
    retry: 'never',
    about: 'This endpoint has no recovery of this id.',
    sentence: () => 'Recovery not found.',
  },
  connect_session_not_found: {
    status: 404,
    retry: 'never',
    about:
      "There is no connect session of this id, or it is another client's, or it is older than sessions are kept.",
    sentence: () => 'Connect session not found.',
  },
  invalid_client: {
    status: 401,
    retry: 'never',
    about: 'client_id or client_secret is missing or wrong.',
    sentence: () => 'Invalid client credentials.',
  },
  invalid_operator_key: {
    status: 401,
    retry: 'never',
    about: "Of the operator's API: the operator key is missing, unknown, expired or revoked.",
    sentence: () => 'Invalid operator key.',
  },
  scope_missing: {
    status: 403,
    retry: 'never',
    about: "Of the operator's API: the key does not have the scope that this takes; the message names it.",
    sentence: ({ scope }) =>
      `This operator key does not have the scope ${scope}. Use one that has it (emr-payments operator-key create).`,
  },
  record_not_found: {
    status: 404,
    retry: 'never',
    about: "Of the operator's API: there is no record of this id.",
    sentence: ({ record }) => `There is no such ${record}.`,
  },
  state_refused: {
    status: 409,
    retry: 'never',
    about: "Of the operator's API: the state of the record does not allow this; the message says why.",
    sentence: ({ reason }) => `${reason}`,
  },
  connection_refused: {
    status: 422,
    retry: 'never',
    about:
      "Of the operator's API: the EMR connection cannot be used, and nothing was saved; the message says why.",
    sentence: ({ reason }) => `The EMR connection cannot be used, and nothing was saved. ${reason}`,
  },
  missing_body: {
    status: 400,
    retry: 'never',
    about: 'The request has no body.',
    sentence: ({ mediaType }) =>
      `The request body is missing. Send ${mediaType === undefined ? 'a JSON object' : `a file as ${mediaType}`}.`,
  },
  invalid_json: {
    status: 400,
    retry: 'never',
    about: 'The body is not JSON in UTF-8, has a forbidden key such as `__proto__`, or is nested too deeply.',
    sentence: () => 'The request body is not valid JSON.',
  },
  invalid_body: {
    status: 400,
    retry: 'never',
    about: 'The body is JSON, but not an object.',
    sentence: () => 'The request body must be a JSON object.',
  },
  malformed_request: {
    status: 400,
    retry: 'never',
    about: 'The request is not well-formed HTTP.',
    sentence: () => 'The request could not be understood.',
  },
  route_not_found: {
    status: 404,
    retry: 'never',
    about: 'There is nothing at this path.',
    sentence: () => 'There is no such route.',
  },
  method_not_allowed: {
    status: 405,
    retry: 'never',
    about: 'The path does not have this method; the header `Allow` lists the methods that it has.',
    sentence: ({ allow }) => `This method is not allowed here. Allowed: ${allow}.`,
  },
  request_timeout: {
    status: 408,
    retry: 'always',
    about: 'The request was not received completely in time.',
    sentence: () => 'The request did not arrive completely in time.',
  },
  idempotency_key_in_flight: {
    status: 409,
    retry: 'always',
    about: 'A request with the same Idempotency-Key is still being processed.',
    sentence: () => 'A request with this Idempotency-Key is still being processed. Send it again shortly.',
  },
  invalid_state: {
    status: 409,
    retry: 'never',
    about: 'The payment is not in a state that allows this; the message names the one that it is in.',
    sentence: ({ status }) => `The state of the payment does not allow this: it is ${status}.`,
  },
  connection_unusable: {
    status: 409,
    retry: 'never',
    about:
      "The practice's EMR connection cannot be used as it is set up. The person who connected it has to correct it.",
    sentence: () => "The practice's EMR connection cannot be used as it is set up.",
  },
  import_in_progress: {
    status: 409,
    retry: 'always',
    about:
      "Another import of this user's patients is being written, or something else changed them meanwhile. Nothing was written.",
    sentence: () =>
      "Another import of this user's patients is being written. Nothing was written: send the file again afterwards.",
  },
  connect_unavailable: {
    status: 409,
    retry: 'never',
    about: 'This service has no connect page: its operator has not set `PUBLIC_URL` for the API.',
    sentence: () =>
      'This service has no connect page. Ask its operator to set PUBLIC_URL, or to connect the practice.',
  },
  connect_session_open: {
    status: 409,
    retry: 'always',
    about: 'The person has not finished connecting. Wait for the event `user.connected`.',
    sentence: () =>
      'The person has not finished connecting the practice. Wait for the event user.connected, then try again.',
  },
  connect_session_over: {
    status: 409,
    retry: 'never',
    about:
      'The connect session was canceled, or its time was over before the person finished. Create another one.',
    sentence: () => 'This connect session ended without a connection. Create another one.',
  },
  connect_session_limit_reached: {
    status: 409,
    retry: 'always',
    about:
      'A client has at most 500 connect sessions that are open. They end by themselves after 15 minutes.',
    sentence: () =>
      'You have the most connect sessions that can be open at a time. Try again when one of them has ended.',
  },
  access_token_given_out: {
    status: 409,
    retry: 'never',
    about:
      'The access token of this user has been given out already: by an earlier request, or before this session, which renewed a login. ' +
      'Go on using it. If it is lost, the operator can give the user another one.',
    sentence: () =>
      'The access token of this user has been given out already: go on using it. If it is lost, ask the operator for another one.',
  },
  endpoint_disabled: {
    status: 409,
    retry: 'never',
    about: 'The webhook endpoint is disabled. Enable it first.',
    sentence: () => 'The webhook endpoint is disabled. Enable it first.',
  },
  endpoint_exists: {
    status: 409,
    retry: 'never',
    about:
      'An enabled webhook endpoint of yours has this URL already; the message has its id. Each event would be sent there twice.',
    sentence: ({ endpoint }) =>
      `Your enabled webhook endpoint ${endpoint} has this URL already. Change that one, or disable or delete it first.`,
  },
  endpoint_limit_reached: {
    status: 409,
    retry: 'never',
    about: 'A client has at most 50 webhook endpoints. Delete one first.',
    sentence: () => 'You have the most webhook endpoints that a client can have. Delete one first.',
  },
  recovery_limit_reached: {
    status: 409,
    retry: 'always',
    about:
      'A client has at most 50 recoveries that are still searching for events, and 200 that are not done. Wait until one has its `total`, or is done.',
    sentence: () =>
      'You have the most recoveries that can be searching for events, or that can be running, at a time. Try again when one of them has its total, or is done.',
  },
  retry_limit_reached: {
    status: 409,
    retry: 'never',
    about:
      'The payment has been tried and has failed a thousand times. It is not in the EMR: make a new payment.',
    sentence: () =>
      'This payment has failed a thousand times and is not tried again. It is not in the EMR: make a new payment.',
  },
  nothing_to_redeliver: {
    status: 409,
    retry: 'never',
    about: 'The event is being delivered already, or no enabled endpoint subscribes to its type.',
    sentence: () => 'The event is on its way already, or no enabled endpoint takes events of its type.',
  },
  test_in_progress: {
    status: 409,
    retry: 'always',
    about:
      'A test of this endpoint is running, or four tests of this client are running or waiting, or too many in this process.',
    sentence: () => 'Another test is under way. Try again when it is over.',
  },
  payload_too_large: {
    status: 413,
    retry: 'never',
    about: 'The body is larger than 64 KiB; a file of patients, than 16 MiB.',
    sentence: ({ limit = '64 KiB' }) => `The request body is larger than ${limit}.`,
  },
  unsupported_media_type: {
    status: 415,
    retry: 'never',
    about:
      'The content type is not application/json (text/csv for a file of patients), or the body is compressed.',
    sentence: ({ mediaType = 'application/json' }) => `The request body must be sent as ${mediaType}.`,
  },
  expectation_failed: {
    status: 417,
    retry: 'never',
    about: 'The header Expect has another value than 100-continue.',
    sentence: () => 'The header Expect asks for something that this service does not do.',
  },
  idempotency_key_reused: {
    status: 422,
    retry: 'never',
    about: 'The Idempotency-Key was used before with another request. Use a new key for a new request.',
    sentence: () => 'This Idempotency-Key was already used with a different request.',
  },
  read_too_costly: {
    status: 422,
    retry: 'never',
    about:
      'Reading this takes longer than a read may take, and was stopped. Narrow it, such as by a shorter time.',
    sentence: () => 'Reading this takes too long. Narrow it: a shorter time, another filter, or a location.',
  },
  method_needs_data: {
    status: 422,
    retry: 'never',
    about:
      'Of a dry run: the EMR takes this payment method only with data that a payment does not carry. Use another method.',
    sentence: ({ reason }) => `This payment cannot be posted. ${reason}`,
  },
  rate_limited: {
    status: 429,
    retry: 'always',
    about:
      'Too many requests, a second or at a time; the header `Retry-After` says when to try again. Nothing of this request was stored.',
    sentence: ({ limit }) => `Too many requests: ${limit}.`,
  },
  headers_too_large: {
    status: 431,
    retry: 'never',
    about: 'The headers are larger than 16 KiB.',
    sentence: () => 'The request headers are too large.',
  },
  patients_file_unusable: {
    status: 422,
    retry: 'never',
    about:
      'Of an import of patients: the file as a whole cannot be used, and nothing of it was written; the message says where and why.',
    sentence: ({ reason }) => `The file of patients cannot be used. ${reason}`,
  },
  internal_error: {
    status: 500,
    retry: 'with_key',
    about: 'An error of this service. Quote the request_id when you report it.',
    sentence: () => 'Something went wrong on our side.',
  },
  emr_unavailable: {
    status: 502,
    retry: 'always',
    about: 'The EMR cannot be reached, or its answer was not understood. Nothing was written.',
    sentence: ({ reason }) => `The EMR could not be asked. ${reason}`,
  },
  patient_lookup_unavailable: {
    status: 503,
    retry: 'always',
    about:
      'The MRN is not known yet, and the EMR did not say within 3 seconds who has it, or it was asked in the last minute for too many MRNs ' +
      'that it does not know. Nothing was accepted: send the same request ' +
      'again; the header `Retry-After` says when.',
    sentence: ({ reason }) =>
      `This patient is not known yet, and the EMR could not be asked. ${reason} Nothing was accepted: send the request again.`,
  },
  service_unavailable: {
    status: 503,
    retry: 'with_key',
    about:
      'The service cannot accept requests at the moment; the header `Retry-After` says when to try again.',
    sentence: () => 'The service is temporarily unavailable. Please try again.',
  },
  emr_timeout: {
    status: 504,
    retry: 'always',
    about: 'The EMR did not answer within 5 seconds. Nothing was written.',
    sentence: () => 'The EMR did not answer in time.',
  },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as ErrorCode[];

/** The body of every error answer. Its first two fields are published; programs decide by `code`. */
export const ErrorReplySchema = Type.Object(
  {
    success: always(false),
    message: Type.String({ description: 'For people. Programs use `code`.' }),
    code: Type.Unsafe<ErrorCode>({
      type: 'string',
      description: `Stable and machine-readable. New codes may be added. Today: ${ERROR_CODES.join(', ')}.`,
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
  const entry: Entry = ERRORS[code];
  return {
    success: false,
    message: entry.sentence(input.details ?? {}),
    code,
    ...(input.details?.hint === undefined ? {} : { hint: input.details.hint }),
    request_id: input.requestId,
    safe_to_retry: entry.retry === 'always' || (entry.retry === 'with_key' && input.repeatable),
  };
}
