import {
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  ErrorReplySchema,
  errorReply,
  HEADERS,
} from '@emr-payments/contracts';
import { componentRef } from './component-ref.ts';

/** What the published page's examples name. */
const EXAMPLE: ErrorDetails = {
  field: 'amount',
  rule: 'must be a positive number',
  mrn: 'MRN-12345',
  allow: 'POST',
  status: 'posted',
  reason: 'It failed (HTTP 503).',
  limit: 'at most 100 a second for each user',
};
const REQUEST_ID = '6f1c6e0e-3b0a-4d53-9d07-0b9a4c1d2e3f';

const REQUEST_ID_HEADER = {
  [HEADERS.requestId]: { type: 'string', description: 'The request: quote it when you ask about it.' },
};
const RETRY_AFTER_HEADER = {
  'retry-after': { type: 'integer', description: 'Seconds to wait before the next try.' },
};

const WITH_RETRY_AFTER = new Set([409, 429, 503]);

type ErrorResponse = {
  description: string;
  headers: object;
  content: {
    'application/json': { schema: ReturnType<typeof componentRef>; examples: Record<string, object> };
  };
};

const RATE_LIMIT_HEADERS = {
  [HEADERS.rateLimitPolicy]: {
    type: 'string',
    description:
      'The limits: `q` requests in `w` seconds, for the client and for the user. Absent without limits.',
  },
  [HEADERS.rateLimit]: {
    type: 'string',
    description: 'What is left: `r` requests in the next `t` seconds.',
  },
};

/** The headers of every answer, for the documentation of a success. */
export const ANSWER_HEADERS = { ...REQUEST_ID_HEADER, ...RATE_LIMIT_HEADERS };

/** The `response` schemas of an operation's errors, by status, with an example of each code. */
export function errorResponses(codes: readonly ErrorCode[]): Record<number, ErrorResponse> {
  const responses: Record<number, ErrorResponse> = {};
  for (const code of codes) {
    const { status, about } = ERRORS[code];
    const response = responses[status] ?? emptyResponse(status);
    responses[status] = response;
    response.description += `${response.description === '' ? '' : '\n\n'}\`${code}\`: ${about}`;
    response.content['application/json'].examples[code] = {
      summary: about,
      value: errorReply(code, { requestId: REQUEST_ID, repeatable: true, details: EXAMPLE }),
    };
  }
  return responses;
}

function emptyResponse(status: number): ErrorResponse {
  return {
    description: '',
    headers: {
      ...REQUEST_ID_HEADER,
      ...(status === 429 ? RATE_LIMIT_HEADERS : {}),
      ...(WITH_RETRY_AFTER.has(status) ? RETRY_AFTER_HEADER : {}),
    },
    content: { 'application/json': { schema: componentRef(ErrorReplySchema), examples: {} } },
  };
}
