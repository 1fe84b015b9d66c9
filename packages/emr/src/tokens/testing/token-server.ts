import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type TokenServerCall = { headers: IncomingHttpHeaders; body: URLSearchParams; text: string };
/** `'hang'`: no answer. `'cut'`: the connection ends without one. `after`: the server acts before it. */
type Misbehaviour =
  | { status: number; body?: string; headers?: Record<string, string> }
  | { fault: 'hang' | 'cut'; after: boolean };

export type TokenServer = {
  url: string;
  /** The base URL of the API that the tokens are for: every path answers 200, or 401 to a dead token. */
  apiUrl: string;
  calls: TokenServerCall[];
  /** How many refresh tokens were exchanged for a new pair. */
  refreshes: number;
  /** The tokens that are good now. */
  live: { access: Set<string>; refresh: Set<string> };
  lifetimeS: number;
  /** Answers to the next calls, one each, instead of tokens. */
  next: Misbehaviour[];
  /** True: it refuses every call with 400 and repeats what it got, decoded. */
  repeats: boolean;
  /** Ends all access tokens, as a vendor may. */
  endAccessTokens(): void;
  close(): Promise<void>;
};

export const CLIENT = { id: 'our client', secret: 's3cret+of/ours' };

/**
 * A strict token server: it refuses wrong clients, ends the old pair with each refresh, as DrChrono does, and gives no new one for
 * a dead refresh token. Its first refresh token is `first`.
 */
export async function openTokenServer(): Promise<TokenServer> {
  const state: TokenServer = {
    url: '',
    apiUrl: '',
    calls: [],
    refreshes: 0,
    live: { access: new Set(), refresh: new Set(['first']) },
    lifetimeS: 3600,
    next: [],
    repeats: false,
    endAccessTokens: () => state.live.access.clear(),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };

  function tokensFor(call: TokenServerCall): { status: number; body: object } {
    const refuse = (status: number, error: string) => ({ status, body: { error } });
    const basic = /^Basic (.*)$/.exec(call.headers.authorization ?? '')?.[1];
    const [id, secret] =
      basic === undefined
        ? [call.body.get('client_id'), call.body.get('client_secret')]
        : Buffer.from(basic, 'base64')
            .toString()
            .split(':')
            .map((part) => new URLSearchParams(`x=${part}`).get('x'));
    if (id !== CLIENT.id || secret !== CLIENT.secret) return refuse(401, 'invalid_client');
    const access = `at-${randomBytes(9).toString('base64url')}`;
    const answer = { access_token: access, token_type: 'Bearer', expires_in: state.lifetimeS };
    if (call.body.get('grant_type') === 'client_credentials') {
      state.live.access.add(access);
      return { status: 200, body: answer };
    }
    const given = call.body.get('refresh_token') ?? '';
    if (!state.live.refresh.delete(given)) return refuse(400, 'invalid_grant');
    state.live.access.clear();
    const refresh = `rt-${randomBytes(9).toString('base64url')}`;
    state.live.access.add(access);
    state.live.refresh.add(refresh);
    state.refreshes += 1;
    return { status: 200, body: { ...answer, refresh_token: refresh } };
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
    if (request.url !== '/token') {
      const token = /^Bearer (.*)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const isGood = state.live.access.has(token);
      answer(isGood ? 200 : 401, JSON.stringify({ token }));
      return;
    }
    const call = { headers: request.headers, body: new URLSearchParams(text), text };
    state.calls.push(call);
    if (state.repeats) {
      const all = [...call.body.values(), request.headers.authorization ?? ''];
      answer(400, JSON.stringify({ error: 'invalid_request', got: all, text }));
      return;
    }
    const next = state.next.shift();
    if (next === undefined || ('fault' in next && next.after)) {
      const { status, body } = tokensFor(call);
      if (next === undefined) answer(status, JSON.stringify(body));
    }
    if (next === undefined) return;
    if ('status' in next) answer(next.status, next.body ?? '', next.headers);
    else if (next.fault === 'cut') request.socket.destroy();
  }

  const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  state.url = `${origin}/token`;
  state.apiUrl = `${origin}/api`;
  return state;
}
