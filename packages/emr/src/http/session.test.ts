import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sentence } from '@emr-payments/contracts';
import { afterEach, expect, test } from 'vitest';
import type { TokenSource } from '../adapter-deps.ts';
import type { CallCounter, CallPermit, RateBucket } from '../calls.ts';
import { OPEN_NETWORK } from '../network.ts';
import type { Trouble } from '../trouble.ts';
import { describeNoAnswer } from './no-answer.ts';
import { openSession, type SessionInput } from './session.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string };

/** A server that takes these tokens, and keeps what it got. */
async function serverTaking(tokens: readonly string[]) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    seen.push({ method, url, headers, body });
    const good = tokens.includes((headers.authorization ?? '').replace('Bearer ', ''));
    response.writeHead(good ? 200 : 401).end(good ? '{}' : 'expired');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** Gives tokens in turn: the next one whenever the last was rejected. */
function tokensInTurn(...tokens: string[]): TokenSource & { asked: (string | undefined)[] } {
  const asked: (string | undefined)[] = [];
  let at = 0;
  return {
    asked,
    async get({ rejected }) {
      asked.push(rejected);
      if (rejected !== undefined && rejected === tokens[at]) at += 1;
      const token = tokens[at];
      if (token === undefined) return { code: 'token_not_available', detail: sentence`There is no token.` };
      return { token };
    },
  };
}

/** Gives one token, and this trouble instead of the next one. */
const notRenewed = (trouble: Trouble): TokenSource => ({
  get: async ({ rejected }) => (rejected === undefined ? { token: 't1' } : trouble),
});

const pause = async () => {};
const granted: CallCounter = { take: async () => ({ granted: true }), pause };
const BUCKET: RateBucket = { scope: 'connection', key: 'k', windows: [{ calls: 1, perMs: 1000 }] };
const open = (input: Partial<SessionInput> & { baseUrl: string }, calls: CallCounter = granted) =>
  openSession(
    { calls, network: OPEN_NETWORK },
    { auth: { kind: 'none' }, bucket: null, timeoutMs: 20_000, ...input },
  );
const signal = new AbortController().signal;
const by401 = ({ status }: { status: number }): boolean => status === 401;
const READ = { path: '/lists', maxAnswerBytes: 1000 };
const SEND = {
  path: '/payments',
  maxAnswerBytes: 1000,
  body: { contentType: 'application/json', text: '{"a":1}' },
};
const sending = { signal, mayStillSend: () => true };

test('a read carries the token, the fixed headers and no-cache', async () => {
  const { seen, baseUrl } = await serverTaking(['t1']);
  const source = tokensInTurn('t1');
  const session = open({
    baseUrl,
    auth: { kind: 'bearer', source, rejects: by401 },
    headers: { 'nex-api-version': 'v3' },
  });
  expect(await session.read(READ, { signal })).toMatchObject({ kind: 'answer', status: 200 });
  expect(seen[0]?.headers).toMatchObject({
    authorization: 'Bearer t1',
    'cache-control': 'no-cache',
    'nex-api-version': 'v3',
  });
});

test('a read whose token was rejected is made once more with a renewed one', async () => {
  const { seen, baseUrl } = await serverTaking(['t2']);
  const source = tokensInTurn('t1', 't2');
  const session = open({ baseUrl, auth: { kind: 'bearer', source, rejects: by401 } });
  expect(await session.read(READ, { signal })).toMatchObject({ status: 200 });
  expect(seen).toHaveLength(2);
  expect(source.asked).toEqual([undefined, 't1']);
});

test('a read that is rejected with the renewed token too is a 401', async () => {
  const { seen, baseUrl } = await serverTaking([]);
  const session = open({
    baseUrl,
    auth: { kind: 'bearer', source: tokensInTurn('t1', 't2', 't3'), rejects: by401 },
  });
  expect(await session.read(READ, { signal })).toMatchObject({ status: 401 });
  expect(seen).toHaveLength(2);
});

test('a send whose token was rejected is not sent again: the next one has a renewed token', async () => {
  const { seen, baseUrl } = await serverTaking(['t2']);
  const session = open({
    baseUrl,
    auth: { kind: 'bearer', source: tokensInTurn('t1', 't2'), rejects: by401 },
  });
  const first = await session.send(SEND, sending);
  expect(first).toMatchObject({ kind: 'no_answer', handedOver: false });
  if (first.kind === 'no_answer')
    expect(describeNoAnswer(first)).toMatchObject({ code: 'token_renewed', retryAfterMs: 0 });
  expect(seen).toHaveLength(1);
  expect(await session.send(SEND, sending)).toMatchObject({ status: 200 });
  expect(seen.map(({ body }) => body)).toEqual(['{"a":1}', '{"a":1}']);
});

test("a rejected token that the source calls a rejected login leaves the EMR's own answer", async () => {
  const { baseUrl } = await serverTaking([]);
  const rejected: Trouble = { code: 'unauthorized', detail: sentence`The credentials were rejected.` };
  const session = open({ baseUrl, auth: { kind: 'bearer', source: notRenewed(rejected), rejects: by401 } });
  expect(await session.send(SEND, sending)).toMatchObject({ kind: 'answer', status: 401 });
  expect(await session.read(READ, { signal })).toMatchObject({ kind: 'answer', status: 401 });
});

// A rejected token is no rejected login: the connection would be stopped for an hour because its token endpoint was away.
test.each<Trouble['code']>([
  'token_not_available',
  'limit_used_up',
  'timeout',
  'our_fault',
  'login_required',
])(
  'a rejected token that cannot be renewed because of %s is that trouble, at a send and at a read',
  async (code) => {
    const { seen, baseUrl } = await serverTaking([]);
    const trouble: Trouble = { code, detail: sentence`There is no new token.`, retryAfterMs: 700 };
    const session = open({ baseUrl, auth: { kind: 'bearer', source: notRenewed(trouble), rejects: by401 } });
    for (const result of [await session.send(SEND, sending), await session.read(READ, { signal })]) {
      if (result.kind === 'answer') throw new Error(`HTTP ${result.status}`);
      expect(result.handedOver).toBe(false);
      expect(describeNoAnswer(result)).toEqual(trouble);
    }
    expect(seen).toHaveLength(2);
  },
);

test('a read whose token was renewed, and for which the limit then has no room, waits for the limit', async () => {
  const { seen, baseUrl } = await serverTaking(['t2']);
  const permits = [{ granted: true }, { granted: false, waitMs: 700 }] as const;
  let taken = 0;
  const calls: CallCounter = { take: async () => permits[taken++] ?? { granted: true }, pause };
  const auth = { kind: 'bearer', source: tokensInTurn('t1', 't2'), rejects: by401 } as const;
  const session = open({ baseUrl, bucket: BUCKET, auth }, calls);
  const result = await session.read(READ, { signal });
  if (result.kind === 'answer') throw new Error(`HTTP ${result.status}`);
  expect(describeNoAnswer(result)).toMatchObject({ code: 'limit_used_up', retryAfterMs: 700 });
  expect(seen).toHaveLength(1);
});

test('without a token nothing is sent, and the reason is that of the source', async () => {
  const { seen, baseUrl } = await serverTaking([]);
  const session = open({ baseUrl, auth: { kind: 'bearer', source: tokensInTurn(), rejects: by401 } });
  const result = await session.send(SEND, sending);
  if (result.kind === 'answer') throw new Error('answered');
  expect(result.handedOver).toBe(false);
  expect(describeNoAnswer(result)).toEqual({ code: 'token_not_available', detail: 'There is no token.' });
  expect(seen).toEqual([]);
});

test('a fixed header is no token: its 401 is the answer', async () => {
  const { seen, baseUrl } = await serverTaking([]);
  const session = open({ baseUrl, auth: { kind: 'header', name: 'authorization', value: 'ODFHIR a/b' } });
  expect(await session.read(READ, { signal })).toMatchObject({ status: 401 });
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(['ODFHIR a/b']);
});

test('each request is counted', async () => {
  const { seen, baseUrl } = await serverTaking(['']);
  const counted: string[] = [];
  const calls: CallCounter = {
    async take({ key }) {
      counted.push(key);
      return { granted: true };
    },
    pause,
  };
  const session = open({ baseUrl, bucket: BUCKET }, calls);
  for (let n = 0; n < 2; n += 1) await session.read(READ, { signal });
  await session.send(SEND, sending);
  expect(seen).toHaveLength(3);
  expect(counted).toEqual(['k', 'k', 'k']);
});

test('a request that is granted for later is made then; without a permit nothing is sent', async () => {
  const { seen, baseUrl } = await serverTaking(['']);
  const permits: CallPermit[] = [
    { granted: true, waitMs: 60 },
    { granted: false, waitMs: 60_000 },
  ];
  const calls: CallCounter = { take: async () => permits.shift() ?? { granted: true }, pause };
  const session = open({ baseUrl, bucket: BUCKET }, calls);
  const startedAt = performance.now();
  expect(await session.read(READ, { signal })).toMatchObject({ kind: 'answer' });
  expect(performance.now() - startedAt).toBeGreaterThan(58);
  const refused = await session.send(SEND, sending);
  if (refused.kind === 'answer') throw new Error('sent');
  expect(refused.handedOver).toBe(false);
  expect(describeNoAnswer(refused)).toEqual({
    code: 'limit_used_up',
    detail: "The EMR's limit of requests is used up.",
    retryAfterMs: 60_000,
  });
  expect(seen).toHaveLength(1);
});

test('a wait for the limit ends with the claim, and nothing is sent', async () => {
  const { seen, baseUrl } = await serverTaking(['']);
  const calls: CallCounter = { take: async () => ({ granted: true, waitMs: 60_000 }), pause };
  const session = open({ baseUrl, bucket: BUCKET }, calls);
  const lost = AbortSignal.timeout(30);
  const result = await session.send(SEND, { signal: lost, mayStillSend: () => true });
  expect(result).toMatchObject({ kind: 'no_answer', handedOver: false });
  expect(seen).toHaveLength(0);
});

test('a request that cannot be counted is certainly not sent, and that is a fault of ours', async () => {
  const { seen, baseUrl } = await serverTaking(['']);
  const calls: CallCounter = {
    async take() {
      throw new Error('PostgreSQL cannot be reached');
    },
    pause,
  };
  const result = await open({ baseUrl, bucket: BUCKET }, calls).send(SEND, sending);
  if (result.kind === 'answer') throw new Error('sent');
  expect(result.handedOver).toBe(false);
  expect(describeNoAnswer(result)).toMatchObject({ code: 'our_fault' });
  expect(seen).toHaveLength(0);
});

test('a send renews the token only for the answer by which the vendor rejects one', async () => {
  const rejects = ({ status, body }: { status: number; body: string }) =>
    status === 401 && body === 'expired';
  const { baseUrl } = await serverTaking(['t2']);
  const source = () => tokensInTurn('t1', 't2');
  const renewing = open({ baseUrl, auth: { kind: 'bearer', source: source(), rejects } });
  expect(await renewing.send(SEND, sending)).toMatchObject({ kind: 'no_answer', handedOver: false });
  const other = source();
  const kept = open({ baseUrl, auth: { kind: 'bearer', source: other, rejects: () => false } });
  expect(await kept.send(SEND, sending)).toMatchObject({ kind: 'answer', status: 401 });
  expect(other.asked).toEqual([undefined]);
});

test('a read renews the token for every 401, because a second read does no harm', async () => {
  const { baseUrl } = await serverTaking(['t2']);
  const source = tokensInTurn('t1', 't2');
  const session = open({ baseUrl, auth: { kind: 'bearer', source, rejects: () => false } });
  expect(await session.read(READ, { signal })).toMatchObject({ status: 200 });
});

/** A server that gives every request this answer, and what a session over it told the counter. */
async function throttledBy(headers: Record<string, string>, input: Partial<SessionInput> = {}) {
  const server = createServer((_, response) => void response.writeHead(429, headers).end('later')).listen(
    0,
    '127.0.0.1',
  );
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const pauses: unknown[] = [];
  const calls: CallCounter = {
    ...granted,
    async pause(bucket, options) {
      pauses.push([bucket.key, options]);
      throw new Error('PostgreSQL cannot be reached');
    },
  };
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { session: open({ baseUrl, bucket: BUCKET, ...input }, calls), pauses };
}

test('every 429 pauses the bucket, that to a read too, and is the answer all the same', async () => {
  const { session, pauses } = await throttledBy({ 'retry-after': '7' });
  expect(await session.read(READ, { signal })).toMatchObject({ kind: 'answer', status: 429 });
  expect(await session.send(SEND, sending)).toMatchObject({ kind: 'answer', status: 429 });
  expect(pauses).toEqual([
    ['k', { saidMs: 7_000 }],
    ['k', { saidMs: 7_000 }],
  ]);
});

test.each<[Record<string, string>, object]>([
  [{ 'retry-after': '86400' }, { saidMs: 3_600_000 }],
  [{ 'retry-after': 'Fri, 31 Dec 2100 23:59:59 GMT' }, { saidMs: 3_600_000 }],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, {}],
  [{ 'retry-after': '0' }, {}],
  [{ 'retry-after': '-5' }, {}],
  [{ 'retry-after': 'soon' }, {}],
  [{}, {}],
])('a 429 with %j pauses the bucket with %j', async (headers, options) => {
  const { session, pauses } = await throttledBy(headers);
  await session.read(READ, { signal });
  expect(pauses).toEqual([['k', options]]);
});

test('the wait that a vendor names elsewhere counts where there is no Retry-After', async () => {
  const waitMs = ({ body }: { body: string }) => (body === 'later' ? 1_500 : undefined);
  const said = async (headers: Record<string, string>) => {
    const { session, pauses } = await throttledBy(headers, { waitMs });
    await session.read(READ, { signal });
    return pauses;
  };
  expect(await said({})).toEqual([['k', { saidMs: 1_500 }]]);
  expect(await said({ 'retry-after': '7' })).toEqual([['k', { saidMs: 7_000 }]]);
});

test('without a bucket there is nothing to pause', async () => {
  const { session, pauses } = await throttledBy({}, { bucket: null });
  await session.read(READ, { signal });
  expect(pauses).toEqual([]);
});
