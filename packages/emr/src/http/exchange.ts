import { Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import got, { type Agents, type Response } from 'got';
import { GatedBody } from './gated-body.ts';

export type ExchangeRequest = {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** For the whole exchange: connecting, sending, and the last byte of the answer. */
  timeoutMs: number;
  /** The answer is read to this size and no further. */
  maxAnswerBytes: number;
  body?: { text: string; mayStillSend: () => boolean };
};

export type Answer = { kind: 'answer'; status: number; headers: IncomingHttpHeaders; body: string };

/** No complete answer. `handedOver` is the evidence: false means that the far end has got nothing to act on. */
export type NoAnswer = { kind: 'no_answer'; handedOver: boolean; error: unknown };

export class AnswerTooLargeError extends Error {
  override name = 'AnswerTooLargeError';
}
export class EarlyAnswerError extends Error {
  override name = 'EarlyAnswerError';
}

/** One pool of kept-alive connections for all EMRs. An idle one is dropped before servers commonly do so themselves. */
export function createAgents(): { http: HttpAgent; https: HttpsAgent } {
  const options = { keepAlive: true, maxFreeSockets: 32, timeout: 15_000 };
  return { http: new HttpAgent(options), https: new HttpsAgent(options) };
}
const sharedAgents = createAgents();

/**
 * One HTTP exchange, never repeated and never redirected. It does not throw for what the network or the far end does.
 */
export async function exchange(
  request: ExchangeRequest,
  agents: Agents = sharedAgents,
): Promise<Answer | NoAnswer> {
  const bytes = Buffer.from(request.body?.text ?? '');
  const gated = request.body === undefined ? null : new GatedBody(bytes, request.body.mayStillSend);
  const tooLarge = new AbortController();
  try {
    const call = got(request.url, {
      method: request.method,
      headers: {
        ...request.headers,
        'accept-encoding': 'identity',
        ...(gated === null ? {} : { 'content-length': String(bytes.length) }),
      },
      ...(gated === null ? {} : { body: gated }),
      agent: agents,
      decompress: false,
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: { request: request.timeoutMs },
      signal: AbortSignal.any([request.signal, tooLarge.signal]),
    });
    call.on('request', (clientRequest) => gated?.leaveBy(clientRequest));
    call.on('downloadProgress', ({ transferred }) => {
      if (transferred > request.maxAnswerBytes)
        tooLarge.abort(new AnswerTooLargeError('the answer is too large'));
    });
    const response: Response<string> = await call;
    // What answers before it was asked does not answer us.
    if (gated?.handedOver === false) throw new EarlyAnswerError('answered before the request was sent');
    return { kind: 'answer', status: response.statusCode, headers: response.headers, body: response.body };
  } catch (error) {
    const cause = tooLarge.signal.aborted ? tooLarge.signal.reason : error;
    return { kind: 'no_answer', handedOver: gated?.handedOver ?? false, error: cause };
  } finally {
    gated?.destroy();
  }
}
