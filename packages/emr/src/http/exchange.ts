import { type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { boundAnswer } from '@emr-payments/outbound/bound-answer';
import got, { type Response } from 'got';
import type { Network } from '../network.ts';
import type { SendGate } from '../send-gate.ts';
import { decodeContent } from './content-encoding.ts';
import { EarlyAnswerError, type GatedBody, gateBody } from './gated-body.ts';

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
  /** True: on a connection of its own. */
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
  responseType: 'buffer',
  followRedirect: false,
  throwHttpErrors: false,
  retry: { limit: 0 },
  headers: { 'accept-encoding': 'identity' },
});

/** False for a request that was never made, too. */
const handedOver = (body: GatedBody | null): boolean => body?.handedOver ?? false;

/**
 * Makes one HTTP exchange, never repeated and never redirected. It does not throw for what the network or the server does.
 */
export async function exchange(network: Network, request: ExchangeRequest): Promise<Answer | NoAnswer> {
  const { method, url, headers, body, maxAnswerBytes } = request;
  let gated: GatedBody | null = null;
  try {
    network.assertUrl(url);
    const response: Response<Uint8Array> = await client(url, {
      method,
      headers:
        body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body.text)) },
      agent: request.unshared ? network.unshared : network.kept,
      timeout: { request: request.timeoutMs },
      signal: request.signal,
      request(target, options, onAnswer) {
        const sending = (target.protocol === 'https:' ? requestHttps : requestHttp)(
          target,
          options,
          onAnswer,
        );
        const answer = boundAnswer(sending, { maxBytes: maxAnswerBytes });
        if (body !== undefined) gated = gateBody(sending, { ...body, answerHasBegun: answer.hasBegun });
        return sending;
      },
    });
    // An answer that came before our request left is not an answer to it.
    if (body !== undefined && !handedOver(gated))
      throw new EarlyAnswerError('answered before the request was sent');
    const decoded = await decodeContent(response.body, {
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
    return { kind: 'no_answer', handedOver: handedOver(gated), error };
  }
}
