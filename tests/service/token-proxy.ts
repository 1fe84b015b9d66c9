import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** When a call of the token endpoint is held: before the EMR has got it, or after the EMR has answered. */
export type HoldAt = 'before' | 'after';

export type TokenProxy = {
  /** The base URL of the EMR behind it. */
  url: string;
  /** The calls of the token endpoint that the EMR has answered, and when each arrived: an answer may be late on a busy machine. */
  calls: { at: number; status: number }[];
  /** Lifetime of tokens that the proxy makes known, instead of the EMR's. */
  lifetimeS: number | null;
  /** Holds the next call of the token endpoint for ever. @returns when it is held. */
  holdNext(at: HoldAt): Promise<void>;
  close(): Promise<void>;
};

/** Passes requests on to an EMR whose token endpoint is `/o/token/`, and holds or counts the calls of that. */
export async function openTokenProxy(target: string): Promise<TokenProxy> {
  let hold: { at: HoldAt; held: () => void } | null = null;
  const taken = (at: HoldAt): boolean => {
    if (hold?.at !== at) return false;
    hold.held();
    hold = null;
    return true;
  };

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = performance.now();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const isToken = request.url === '/o/token/';
    if (isToken && taken('before')) return;
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
    const answer = await fetch(`${target}${request.url}`, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      redirect: 'manual',
    });
    // The links and redirects of the EMR lead through the proxy too.
    const throughProxy = (text: string) => text.replaceAll(target, proxy.url);
    let body = throughProxy(await answer.text());
    if (isToken) {
      proxy.calls.push({ at, status: answer.status });
      if (taken('after')) return;
      if (answer.ok && proxy.lifetimeS !== null)
        body = JSON.stringify({ ...JSON.parse(body), expires_in: proxy.lifetimeS });
    }
    const type = answer.headers.get('content-type') ?? 'application/json';
    const location = answer.headers.get('location');
    const redirect = location === null ? {} : { location: throughProxy(location) };
    response.writeHead(answer.status, { 'content-type': type, ...redirect }).end(body);
  }

  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: TokenProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: [],
    lifetimeS: null,
    holdNext: (at) =>
      new Promise((resolve) => {
        hold = { at, held: resolve };
      }),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
