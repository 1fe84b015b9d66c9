import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { sentence } from '@emr-payments/contracts';
import { lostKeptConnection, networkFailureOf } from '@emr-payments/outbound';
import { boundAnswer } from '@emr-payments/outbound/bound-answer';
import {
  activeSpan,
  emrTraceHeaders,
  exchangeSpan,
  inSpan,
  noteStatus,
  type Span,
} from '@emr-payments/runtime/tracing';
import got from 'got';
import type { Network } from '../network.ts';
import type { SendGate } from '../send-gate.ts';
import type { Trouble } from '../trouble.ts';
import { decodeContent } from './content-encoding.ts';
import { EarlyAnswerError, type GatedBody, gateBody } from './gated-body.ts';
import { NotMadeError } from './not-made.ts';
import { readAnswer } from './read-answer.ts';

export type ExchangeRequest = {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** For the whole exchange: connecting, sending, and the last byte of the answer. */
  timeoutMs: number;
  /** The answer is read to this size and no further: every byte on the wire, and the decoded body. */
  maxAnswerBytes: number;
  body?: { text: string; mayStillSend: SendGate };
  /** True: on a connection of its own. So is every request to a host that closes the connections that it keeps. */
  unshared?: boolean | undefined;
};

export type Answer = { kind: 'answer'; status: number; headers: IncomingHttpHeaders; body: string };

/** No complete answer. `handedOver` is the evidence: false means that the EMR has received nothing to act on. */
export type NoAnswer = { kind: 'no_answer'; handedOver: boolean; error: unknown };

/**
 * Repeats nothing, follows no redirect and throws for no status: the caller judges the answer. An encoded body is left to
 * `decodeContent`, which limits what it becomes.
 */
const client = got.extend({
  decompress: false,
  followRedirect: false,
  throwHttpErrors: false,
  retry: { limit: 0 },
  headers: { 'accept-encoding': 'identity' },
});

/** False for a request that was never made, too. */
const handedOver = (body: GatedBody | null): boolean => body?.handedOver ?? false;

/** True when the time ended while the request waited for its gate: the EMR, which got nothing, is not the one that was late. */
const isOurDelay = (body: GatedBody | null, error: unknown): boolean =>
  body?.waits === true && networkFailureOf(error)?.failure === 'timeout';

const GATE_LATE: Trouble = {
  code: 'our_fault',
  detail: sentence`A fault of ours prevented the request: it could not be recorded in time that it was to be sent.`,
};

/**
 * Makes one HTTP exchange, never repeated and never redirected. It does not throw for what the network or the server does.
 */
export function exchange(network: Network, request: ExchangeRequest): Promise<Answer | NoAnswer> {
  const url = activeSpan() === undefined ? null : URL.parse(request.url);
  if (url === null) return send(network, request);
  const { hostname, port, protocol } = url;
  const target = { hostname, port: Number(port) || (protocol === 'https:' ? 443 : 80) };
  return inSpan(exchangeSpan(request.method, target), async (span) => {
    const result = await send(network, withTrace(request, span));
    if (result.kind === 'answer') noteStatus(span, result.status);
    else span?.fail(networkFailureOf(result.error)?.failure ?? 'no_answer');
    return result;
  });
}

function withTrace(request: ExchangeRequest, span: Span | undefined): ExchangeRequest {
  const { traceparent } = emrTraceHeaders(span, request.url);
  return traceparent === undefined ? request : { ...request, headers: { ...request.headers, traceparent } };
}

async function send(network: Network, request: ExchangeRequest): Promise<Answer | NoAnswer> {
  const { method, url, headers, body, maxAnswerBytes } = request;
  let gated: GatedBody | null = null;
  try {
    network.assertUrl(url);
    const stream = client.stream(url, {
      method,
      headers:
        body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body.text)) },
      timeout: { request: request.timeoutMs },
      signal: request.signal,
      // got passes some thirty more options, none of which we set, and Node would copy them all, twice for each request.
      request(target, { method, headers }, onAnswer) {
        const isSecure = target.protocol === 'https:';
        const isShared = request.unshared !== true && !network.closing.has(target);
        const agents = isShared ? network.kept : network.unshared;
        const agent = isSecure ? agents.https : agents.http;
        const sending = (isSecure ? requestHttps : requestHttp)(target, { method, headers, agent }, onAnswer);
        const answer = boundAnswer(sending, { maxBytes: maxAnswerBytes });
        sending.once('error', (error) => {
          if (lostKeptConnection(sending, { error, hasBegun: answer.hasBegun })) network.closing.note(target);
        });
        if (body !== undefined) gated = gateBody(sending, { ...body, answerHasBegun: answer.hasBegun });
        return sending;
      },
    });
    // got ends a GET by itself.
    if (body !== undefined) stream.end();
    const { response, bytes } = await readAnswer(stream);
    // An answer that came before our request left is not an answer to it.
    if (body !== undefined && !handedOver(gated))
      throw new EarlyAnswerError('answered before the request was sent');
    const decoded = await decodeContent(bytes, {
      encoding: response.headers['content-encoding'],
      maxBytes: maxAnswerBytes,
    });
    return {
      kind: 'answer',
      status: response.statusCode,
      headers: response.headers,
      // FHIR and JSON are UTF-8. A byte order mark at the beginning is taken off.
      body: new TextDecoder().decode(decoded),
    };
  } catch (error) {
    return {
      kind: 'no_answer',
      handedOver: handedOver(gated),
      error: isOurDelay(gated, error) ? new NotMadeError(GATE_LATE) : error,
    };
  }
}
