import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { BreakServer, SeenRequest, WireAnswer } from './break-server.ts';

type Answer = { status: number; headers: IncomingMessage['headers']; body: Buffer };

/** `instead` acts in the EMR's place; `spoil` gets the EMR's answer after the EMR has carried the request out. */
type Fault =
  | { onConnect: true }
  | { instead(response: ServerResponse): void }
  | { spoil(response: ServerResponse, answer: Answer): void };

const LOGIN_PAGE = '<!doctype html><title>Sign in</title><p>Your session has expired. {"id": "1"}';

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Carries a request out. The Host header stays the proxy's, so that the EMR's links lead back through it. */
async function forward(target: URL, request: IncomingMessage): Promise<Answer> {
  const body = await bodyOf(request);
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  const outward = send(new URL(request.url ?? '/', target.origin), {
    method: request.method,
    headers: { ...request.headers, connection: 'keep-alive' },
  });
  outward.end(body);
  const [answer] = (await once(outward, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await bodyOf(answer) };
}

function reply(response: ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _chunked, ...kept } = headers;
  response.writeHead(status, { ...kept, 'content-length': body.length, connection: 'close' }).end(body);
}

const text = (status: number, contentType: string, body: string, headers = {}): Answer => ({
  status,
  headers: { ...headers, 'content-type': contentType },
  body: Buffer.from(body),
});

/** Announces the whole body and cuts the connection after half of it; an answer without a body is announced with one. */
function cutShort(response: ServerResponse, { status, headers, body }: Answer): void {
  const { 'transfer-encoding': _chunked, ...kept } = headers;
  response.writeHead(status, {
    ...kept,
    'content-length': Math.max(body.length, 64),
    connection: 'close',
  });
  const half = body.length === 0 ? '{' : body.subarray(0, Math.ceil(body.length / 2));
  response.write(half, () => response.socket?.destroy());
}

/** Changes an answer as text: the length in its headers is that of the new text. */
function changed({ status, headers, body }: Answer, change: (answer: WireAnswer) => WireAnswer): Answer {
  const plain = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const answer = change({ status, headers: Object.fromEntries(plain), body: body.toString('utf8') });
  return { ...answer, body: Buffer.from(answer.body) };
}

/** Puts a proxy in front of any server, on a free loopback port. It knows HTTP and nothing of the EMR's format. */
export async function openBreakingProxy(targetUrl: string): Promise<BreakServer> {
  const target = new URL(targetUrl);
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const hanging = new Set<ServerResponse>();
  let fault: Fault | null = null;

  const server = createServer(async (request, response) => {
    const [path = '', ...query] = (request.url ?? '').split('?');
    seen.push({
      method: request.method ?? '',
      path,
      query: query.join('?'),
      headers: request.headers,
    });
    const current = fault;
    try {
      if (current !== null && 'instead' in current) {
        await bodyOf(request);
        return current.instead(response);
      }
      const answer = await forward(target, request);
      return current !== null && 'spoil' in current
        ? current.spoil(response, answer)
        : reply(response, answer);
    } catch {
      // The adapter or the EMR broke the connection off.
      response.socket?.destroy();
    }
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    if (fault !== null && 'onConnect' in fault) socket.resetAndDestroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const path = target.pathname.replace(/\/$/, '');

  const reset = (response: ServerResponse) => response.socket?.resetAndDestroy();
  /** A request that gets here after the server was mended is broken off like those that hung before. */
  const hang = (response: ServerResponse) => {
    if (fault === null) response.socket?.destroy();
    else hanging.add(response);
  };
  const html = (response: ServerResponse) => reply(response, text(200, 'text/html', LOGIN_PAGE));
  const empty = (response: ServerResponse) =>
    reply(response, { status: 200, headers: {}, body: Buffer.alloc(0) });
  const status = (response: ServerResponse, code: number, headers = {}) =>
    reply(response, text(code, 'text/plain', 'a scripted fault', headers));
  const set = (next: Fault) => {
    fault = next;
  };

  return {
    baseUrl: `http://127.0.0.1:${port}${path}`,
    unreachable: {
      refused: `http://127.0.0.1:1${path}`,
      unknownHost: `http://emr.invalid${path}`,
      noTls: `https://127.0.0.1:${port}${path}`,
    },
    seen,
    resetOnConnect: () => set({ onConnect: true }),
    resetBefore: () => set({ instead: reset }),
    hangBefore: () => set({ instead: hang }),
    statusBefore: (code, headers) => set({ instead: (response) => status(response, code, headers) }),
    answerBefore: ({ body, ...answer }) =>
      set({ instead: (response) => reply(response, { ...answer, body: Buffer.from(body) }) }),
    htmlBefore: () => set({ instead: html }),
    emptyBefore: () => set({ instead: empty }),
    resetAfter: () => set({ spoil: reset }),
    hangAfter: () => set({ spoil: hang }),
    statusAfter: (code) => set({ spoil: (response) => status(response, code) }),
    htmlAfter: () => set({ spoil: html }),
    emptyAfter: () => set({ spoil: empty }),
    halfAnswer: () => set({ spoil: cutShort }),
    wrongContentType: () =>
      set({
        spoil: (response, answer) =>
          reply(response, { ...answer, headers: { ...answer.headers, 'content-type': 'text/plain' } }),
      }),
    changeAnswers: (change) => set({ spoil: (response, answer) => reply(response, changed(answer, change)) }),
    mend() {
      fault = null;
      for (const response of hanging) response.socket?.destroy();
      hanging.clear();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
