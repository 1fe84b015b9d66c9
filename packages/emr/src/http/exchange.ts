import { type ClientRequest, Agent as HttpAgent, type IncomingHttpHeaders } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { boundAnswer, meterConnections } from '@emr-payments/outbound/bound-answer';
import got, { type Agents, type Response } from 'got';
import { decodeContent } from './content-encoding.ts';
import { GatedBody } from './gated-body.ts';

export type ExchangeRequest = {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
  signal: AbortSignal;
  /** For the whole exchange: connecting, sending, and the last byte of the answer. */
  timeoutMs: number;
  /** The answer is read to this size and no further: every byte on the wire, and the decoded body. */
  maxAnswerBytes: number;
  body?: { text: string; mayStillSend: () => boolean };
};

export type Answer = { kind: 'answer'; status: number; headers: IncomingHttpHeaders; body: string };

/** No complete answer. `handedOver` is the evidence: false means that the EMR has received nothing to act on. */
export type NoAnswer = { kind: 'no_answer'; handedOver: boolean; error: unknown };

export class EarlyAnswerError extends Error {
  override name = 'EarlyAnswerError';
}

type ConnectionAgents = { http: HttpAgent; https: HttpsAgent };

/** Makes agents whose connections are metered. */
function agentsWith(options: AgentOptions): ConnectionAgents {
  return {
    http: meterConnections(new HttpAgent(options)),
    https: meterConnections(new HttpsAgent(options)),
  };
}

/** Makes a pool of kept-alive connections. An idle one is closed after 15 s, sooner than servers commonly close it. */
export const keepAliveAgents = (options: AgentOptions = {}): ConnectionAgents =>
  agentsWith({ keepAlive: true, maxFreeSockets: 32, timeout: 15_000, ...options });
const sharedAgents = keepAliveAgents();
/** Each exchange has a connection of its own: nothing on it can be a late answer to an earlier request. */
export const UNSHARED: ConnectionAgents = agentsWith({ keepAlive: false });

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

/**
 * Makes one HTTP exchange, never repeated and never redirected. It does not throw for what the network or the server does.
 */
export async function exchange(
  request: ExchangeRequest,
  agents: Agents = sharedAgents,
): Promise<Answer | NoAnswer> {
  const bytes = Buffer.from(request.body?.text ?? '');
  const gated = request.body === undefined ? null : new GatedBody(bytes, request.body.mayStillSend);
  try {
    const call = client(request.url, {
      method: request.method,
      headers:
        gated === null ? request.headers : { ...request.headers, 'content-length': String(bytes.length) },
      ...(gated === null ? {} : { body: gated }),
      agent: agents,
      timeout: { request: request.timeoutMs },
      signal: request.signal,
    });
    call.on('request', (sending: ClientRequest) => {
      boundAnswer(sending, { maxBytes: request.maxAnswerBytes });
      gated?.leaveBy(sending);
    });
    const response: Response<Uint8Array> = await call;
    // An answer that came before our request left is not an answer to it.
    if (gated?.handedOver === false) throw new EarlyAnswerError('answered before the request was sent');
    const body = await decodeContent(response.body, {
      encoding: response.headers['content-encoding'],
      maxBytes: request.maxAnswerBytes,
    });
    return {
      kind: 'answer',
      status: response.statusCode,
      headers: response.headers,
      // FHIR and JSON are UTF-8. A byte order mark at the beginning is taken off.
      body: new TextDecoder().decode(body),
    };
  } catch (error) {
    return { kind: 'no_answer', handedOver: gated?.handedOver ?? false, error };
  } finally {
    gated?.destroy();
  }
}
