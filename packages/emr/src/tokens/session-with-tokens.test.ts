import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CallCounter, RateBucket } from '../calls.ts';
import { describeNoAnswer } from '../http/no-answer.ts';
import { openSession } from '../http/session.ts';
import { guardedNetwork, type Network, OPEN_NETWORK } from '../network.ts';
import { memoryTokenStore } from './memory-token-store.ts';
import { CLIENT, openTokenServer, type TokenServer } from './testing/token-server.ts';
import { createTokenSources } from './token-sources.ts';

let server: TokenServer;
beforeEach(async () => {
  server = await openTokenServer();
});
afterEach(() => server.close());

const signal = new AbortController().signal;
const READ = { path: '/lists', maxAnswerBytes: 1000 };
const SEND = { ...READ, body: { contentType: 'application/json', text: '{}' } };
const BUCKET: RateBucket = { scope: 'api_key', key: 'k', windows: [{ calls: 9, perMs: 1000 }] };

function open({
  waitMs = 0,
  network = OPEN_NETWORK,
  baseUrl = server.apiUrl,
}: {
  waitMs?: number;
  network?: Network;
  baseUrl?: string;
} = {}) {
  const counted: string[] = [];
  const pauses: unknown[] = [];
  const calls: CallCounter = {
    async take({ key }) {
      counted.push(key);
      return { granted: true, waitMs };
    },
    async pause({ key }, options) {
      pauses.push([key, options]);
    },
  };
  const source = createTokenSources({ store: memoryTokenStore() }).of({
    kind: 'refresh_token',
    tokenUrl: server.url,
    clientId: CLIENT.id,
    clientSecret: CLIENT.secret,
    clientAuth: 'basic',
    refreshToken: 'first',
  });
  const session = openSession(
    { calls, network },
    {
      baseUrl,
      auth: { kind: 'bearer', source, rejects: ({ status }) => status === 401 },
      bucket: BUCKET,
      timeoutMs: 20_000,
    },
  );
  return { session, counted, pauses };
}

test('a token that ended is renewed at a read, and at a send the next one has it; token calls are counted too', async () => {
  const { session, counted } = open();
  expect(await session.read(READ, { signal })).toMatchObject({ status: 200 });
  expect(counted).toHaveLength(2);
  server.endAccessTokens();
  expect(await session.read(READ, { signal })).toMatchObject({ status: 200 });
  // The read, the renewal, the read again.
  expect(counted).toHaveLength(5);
  expect(server.refreshes).toBe(2);
});

test('at a send the renewal says so, and the next send has the new token', async () => {
  const { session } = open();
  await session.read(READ, { signal });
  server.endAccessTokens();
  const sending = { signal, mayStillSend: () => true };
  const rejected = await session.send(SEND, sending);
  if (rejected.kind === 'answer') throw new Error('answered');
  expect(describeNoAnswer(rejected)).toMatchObject({ code: 'token_renewed', retryAfterMs: 0 });
  expect(await session.send(SEND, sending)).toMatchObject({ status: 200 });
});

test('an answer that holds the text of the token stays as the EMR wrote it: it is evidence', async () => {
  const { session } = open();
  server.next = [
    { status: 200, body: JSON.stringify({ access_token: 'o', token_type: 'bearer', refresh_token: 'r' }) },
  ];
  server.live.access.add('o');
  // The server answers with the token that it got.
  expect(await session.read(READ, { signal })).toMatchObject({ body: '{"token":"o"}' });
});

test('a login that has ended is not sent with, and says so', async () => {
  const { session } = open();
  server.live.refresh.clear();
  const result = await session.read(READ, { signal });
  if (result.kind === 'answer') throw new Error('answered');
  expect(result.handedOver).toBe(false);
  expect(describeNoAnswer(result)).toMatchObject({ code: 'login_required' });
});

test('a request that is aborted does not cut the wait of a renewal for the limit short, nor end it for the others', async () => {
  const { session } = open({ waitMs: 400 });
  const startedAt = performance.now();
  const aborted = session.read(READ, { signal: AbortSignal.timeout(50) });
  const other = session.read(READ, { signal });
  expect(await aborted).toMatchObject({ handedOver: false });
  await expect.poll(() => server.calls, { interval: 5 }).toHaveLength(1);
  expect(performance.now() - startedAt).toBeGreaterThan(390);
  expect(await other).toMatchObject({ status: 200 });
});

test.each(['http://127.0.0.1:1/', 'http://10.0.0.1/'])(
  'the token endpoint is called over the network of the connection, and not at all where the guard refuses it',
  async (allowed) => {
    const policy = { allowHosts: [new URL(allowed).host] };
    const resolve = async () => {
      throw new Error('no name is asked for');
    };
    const { session } = open({ network: guardedNetwork({ policy, resolve }) });
    const result = await session.read(READ, { signal });
    if (result.kind === 'answer') throw new Error('answered');
    expect(describeNoAnswer(result)).toEqual({
      code: 'address_refused',
      detail: expect.stringMatching(/^There is no access token\. The EMR's address is not one that/),
    });
    expect(server.calls).toEqual([]);
    const { port } = new URL(server.url);
    const open2 = open({
      network: guardedNetwork({ policy: { allowHosts: [`127.0.0.1:${port}`] }, resolve }),
    });
    expect(await open2.session.read(READ, { signal })).toMatchObject({ status: 200 });
    expect(server.calls).toHaveLength(1);
  },
);

test("a 429 of the token endpoint pauses the limit of the requests that the tokens are for, when it is of the EMR's host", async () => {
  const here = open();
  const throttled = { status: 429, headers: { 'retry-after': '7' } };
  server.next = [throttled, throttled];
  expect(await here.session.read(READ, { signal })).toMatchObject({ kind: 'no_answer', handedOver: false });
  expect(here.pauses).toEqual([['k', { saidMs: 7_000 }]]);

  const elsewhere = open({ baseUrl: 'http://127.0.0.2:1' });
  expect(await elsewhere.session.read(READ, { signal })).toMatchObject({ kind: 'no_answer' });
  expect(elsewhere.pauses).toEqual([]);
});
