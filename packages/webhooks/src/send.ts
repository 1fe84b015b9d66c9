import { parseRetryAfter } from '@emr-payments/outbound';
import { type AddressPolicy, targetOf } from '@emr-payments/outbound/guard';
import { exchangeSpan, inSpan, noteStatus, type Span, traceHeaders } from '@emr-payments/runtime/tracing';
import type { WebhookAgents } from './agents.ts';
import { type FailureKind, failureOf } from './failure.ts';
import { type RequestResult, sendRequest } from './send-request.ts';
import { signHeaders } from './sign.ts';
import type { WebhookKey } from './signing-secrets.ts';

/** The default limit for DNS, connection, request and the whole answer together. */
export const DEADLINE_MS = 15_000;

export type SendDeps = {
  policy: AddressPolicy;
  agents: WebhookAgents;
  /** `DEADLINE_MS` by default. */
  deadlineMs?: number;
};

export type SendInput = {
  url: string;
  /** The event's id; becomes `webhook-id`. */
  id: string;
  /** Signed and sent byte for byte. */
  body: string | Buffer;
  /** `whsec_…` or `whsk_…`, unsealed, or what `parseWebhookKey` made of it; each makes one signature. */
  secrets: readonly (string | WebhookKey)[];
  /** The time of this attempt; becomes `webhook-timestamp`. */
  now: Date;
  /** Aborting it ends the attempt at once, as `canceled`. */
  signal?: AbortSignal;
};

type Seen = {
  durationMs: number;
  /** The first 1 KiB of the answer's body; empty when there was none. */
  excerpt: string;
};

/** The outcome of one attempt. Only a 2xx delivers. A 410 means that the receiver wants no event any more. */
export type SendOutcome =
  | ({ outcome: 'delivered'; httpStatus: number } & Seen)
  | ({ outcome: 'gone'; httpStatus: 410 } & Seen)
  | ({
      outcome: 'failed';
      kind: FailureKind;
      /** For people: a status, an error code, or why the address is refused. */
      detail: string;
      /** Set when the head of an answer arrived, even if its body did not end. */
      httpStatus?: number;
      /** The wait that the receiver asked for, 0 to 24 h. */
      retryAfterMs?: number;
      /** True with `address_refused` when it was the URL itself that the policy refuses, and no address that its name has now. */
      byPolicy?: true;
    } & Seen);

const USER_AGENT = 'emr-payments/1.0 (webhooks)';

/**
 * Decides the outcome of a request. A status other than 2xx is a failure, however its body ended. A 2xx delivers only with
 * its whole answer, or the 64 KiB of it that we read: a receiver that never finishes its answer has not confirmed anything.
 */
function judge(result: RequestResult, seen: Seen, deps: { now: () => Date }): SendOutcome {
  const { answer } = result;
  const status = answer?.status;
  if (answer !== undefined && status !== undefined && (status < 200 || status > 299)) {
    if (status === 410) return { outcome: 'gone', httpStatus: 410, ...seen };
    const retryAfterMs = parseRetryAfter(answer.headers, deps.now());
    const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
    return {
      outcome: 'failed',
      kind: 'http_status',
      detail: `HTTP ${status}`,
      httpStatus: status,
      ...asked,
      ...seen,
    };
  }
  if (result.end === 'complete') return { outcome: 'delivered', httpStatus: result.answer.status, ...seen };

  const { end } = result;
  const begun = status === undefined ? {} : { httpStatus: status };
  const failed = (kind: FailureKind, detail: string): SendOutcome => {
    return { outcome: 'failed', kind, detail, ...begun, ...seen };
  };
  if (end === 'deadline') return failed('timeout', 'the answer was not complete within the deadline');
  if (end === 'canceled') return failed('canceled', 'given up by the sender');
  const { kind, detail } = failureOf(end.error);
  return failed(kind, detail);
}

/** Notes on the span what has become of the request: only a whole 2xx is a success. */
function noteEnd(span: Span | undefined, { end, answer }: RequestResult): void {
  if (answer !== undefined) noteStatus(span, answer.status);
  if (end === 'deadline' || end === 'canceled') span?.fail(end);
  else if (end !== 'complete') span?.fail(failureOf(end.error).kind);
}

/**
 * Makes one attempt to deliver one event: signs it, sends the exact bytes, reads the answer within the bounds. It follows
 * no redirect, and the schedule decides when the next attempt is due. Only a request whose kept connection ended under it is
 * sent once more within the attempt (`sendRequest`).
 *
 * @throws TypeError when the id or a secret cannot be used (`signHeaders`). Whatever the receiver does is an outcome.
 * @throws NoResourcesError when this machine can open no further socket.
 */
export async function sendWebhook(deps: SendDeps, input: SendInput): Promise<SendOutcome> {
  const body = typeof input.body === 'string' ? Buffer.from(input.body) : input.body;
  const signed = signHeaders({ id: input.id, timestamp: input.now, body, secrets: input.secrets });
  const checked = targetOf(input.url, deps.policy);
  if (!checked.ok) {
    const nothing = { durationMs: 0, excerpt: '' };
    return {
      outcome: 'failed',
      kind: 'address_refused',
      detail: checked.message,
      byPolicy: true,
      ...nothing,
    };
  }
  const started = performance.now();
  const result = await inSpan(exchangeSpan('POST', checked.target), async (span) => {
    const sent = await sendRequest(deps, {
      target: checked.target,
      body,
      headers: {
        ...signed,
        'content-type': 'application/json',
        'user-agent': USER_AGENT,
        ...traceHeaders(span),
      },
      deadlineMs: deps.deadlineMs ?? DEADLINE_MS,
      signal: input.signal,
    });
    noteEnd(span, sent);
    return sent;
  });
  const durationMs = Math.round(performance.now() - started);
  const now = () => new Date(input.now.getTime() + durationMs);
  return judge(result, { durationMs, excerpt: result.excerpt }, { now });
}
