import { newUserId } from '@emr-payments/contracts';
import { endConnectSession, inTransaction, openConnectSession } from '@emr-payments/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

const PUBLIC_URL = 'http://127.0.0.1:3000';
const RETURN_URL = 'https://app.example.com/back?practice=7';

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let send: Send;
beforeAll(async () => {
  api = await openTestApi({ publicUrl: PUBLIC_URL });
  caller = await newCaller();
  send = requestsOf(api.app, caller);
});
afterAll(() => api.close());

async function newCaller() {
  const made = await api.newCaller();
  await api.database.prisma.clientReturnUrl.create({ data: { clientPk: made.clientPk, url: RETURN_URL } });
  return made;
}

type Link = { id: string; url: string; expires_at: string };
async function create(body: object = {}, by = send): Promise<Link> {
  const answer = await by('POST', '/v1/connect-sessions', { body: { return_url: RETURN_URL, ...body } });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json().data;
}
const codeOf = async (asking: ReturnType<Send>) => {
  const answer = await asking;
  return [answer.statusCode, answer.json().code];
};
const token = (id: string, key?: string) =>
  send('POST', `/v1/connect-sessions/${id}/token`, key === undefined ? {} : { key });
const stored = (id: string) => api.database.prisma.connectSession.findUniqueOrThrow({ where: { id } });
const connect = (id: string, userPublicId: string) =>
  inTransaction({ database: api.database }, async (tx) => {
    const commit = (await endConnectSession(tx, { id, userPublicId })) !== null;
    return { commit, value: commit };
  });
/** A user of the client, as a session makes one. */
async function newUser(): Promise<string> {
  const publicId = newUserId();
  await api.database.prisma.user.create({ data: { publicId, name: 'Practice', clientPk: caller.clientPk } });
  return publicId;
}
const late = (id: string) =>
  api.database.prisma.connectSession.update({ where: { id }, data: { expiresAt: new Date(Date.now() - 1) } });

test('a link has its secret in the fragment, for 15 minutes; the database has only its hash', async () => {
  const { id, url, expires_at } = await create();
  expect(id).toMatch(/^cs_[0-9A-Za-z]{24}$/);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:3000\/connect#cl_[\w-]{32}$/);
  const minutes = (Date.parse(expires_at) - Date.now()) / 60_000;
  expect(minutes).toBeGreaterThan(14);
  expect(minutes).toBeLessThanOrEqual(15.1);
  expect(JSON.stringify(await stored(id))).not.toContain(url.split('#')[1]);
  expect((await send('GET', `/v1/connect-sessions/${id}`)).json().data).toMatchObject({
    id,
    state: 'open',
    user_id: null,
    renews: false,
    return_url: RETURN_URL,
    token_given: false,
  });
});

test('return_url is one that is registered for this client, letter by letter', async () => {
  for (const return_url of [
    'https://app.example.com/back',
    `${RETURN_URL}&a=b`,
    RETURN_URL.toUpperCase(),
    'https://evil.example/',
    'javascript:alert(1)',
  ]) {
    const answer = await send('POST', '/v1/connect-sessions', { body: { return_url } });
    expect([answer.statusCode, answer.json().message]).toEqual([
      400,
      expect.stringContaining('return_url (must be one that the operator has registered'),
    ]);
  }
  const other = requestsOf(api.app, await api.newCaller());
  expect(await codeOf(other('POST', '/v1/connect-sessions', { body: { return_url: RETURN_URL } }))).toEqual([
    400,
    'invalid_field',
  ]);
});

test.each([
  ['an EMR that does not exist', { adapter: 'fax' }, 400, 'invalid_field'],
  ['an EMR beside a user', { adapter: 'drchrono', user_id: 'user_1' }, 400, 'invalid_field'],
  ['a user that does not exist', { user_id: 'user_1' }, 404, 'user_not_found'],
])('%s is refused', async (_what, body, status, code) => {
  const asking = send('POST', '/v1/connect-sessions', { body: { return_url: RETURN_URL, ...body } });
  expect(await codeOf(asking)).toEqual([status, code]);
});

test("sessions and users are the client's own", async () => {
  const stranger = await newCaller();
  const theirs = requestsOf(api.app, stranger);
  const { id } = await create();
  expect(await codeOf(theirs('GET', `/v1/connect-sessions/${id}`))).toEqual([
    404,
    'connect_session_not_found',
  ]);
  await connect(id, await newUser());
  expect(await codeOf(theirs('POST', `/v1/connect-sessions/${id}/token`))).toEqual([
    404,
    'connect_session_not_found',
  ]);
  const renewal = { return_url: RETURN_URL, user_id: caller.publicId };
  expect(await codeOf(theirs('POST', '/v1/connect-sessions', { body: renewal }))).toEqual([
    404,
    'user_not_found',
  ]);
  expect((await create({ user_id: caller.publicId })).id).toMatch(/^cs_/);
});

test('the access token is given once, works, and comes again only to the same key', async () => {
  const { id } = await create();
  expect(await codeOf(token(id))).toEqual([409, 'connect_session_open']);
  const publicId = await newUser();
  await connect(id, publicId);
  const first = await token(id, 'key-1');
  expect(first.json().data.user_id).toBe(publicId);
  expect(await codeOf(token(id))).toEqual([409, 'access_token_given_out']);
  expect(await codeOf(token(id, 'key-2'))).toEqual([409, 'access_token_given_out']);
  const again = await token(id, 'key-1');
  expect([again.headers['idempotent-replayed'], again.json().data]).toEqual(['true', first.json().data]);
  expect((await send('GET', `/v1/connect-sessions/${id}`)).json().data).toMatchObject({
    state: 'connected',
    user_id: publicId,
    token_given: true,
  });
});

test('of many requests for the token at once, one gets it', async () => {
  const { id } = await create();
  await connect(id, await newUser());
  const codes = await Promise.all(Array.from({ length: 8 }, async () => (await token(id)).statusCode));
  expect(codes.sort()).toEqual([200, ...Array(7).fill(409)]);
});

test('a session that is canceled or too late gives no token, and a renewal has none to give', async () => {
  const { id: canceled } = await create();
  await api.database.prisma.connectSession.update({ where: { id: canceled }, data: { state: 'canceled' } });
  expect(await codeOf(token(canceled))).toEqual([409, 'connect_session_over']);
  const { id: expired } = await create();
  await late(expired);
  expect(await codeOf(token(expired))).toEqual([409, 'connect_session_over']);
  expect((await send('GET', `/v1/connect-sessions/${expired}`)).json().data.state).toBe('expired');
  expect(await connect(expired, await newUser())).toBe(false);
  const { id: renewal } = await create({ user_id: caller.publicId });
  await connect(renewal, caller.publicId);
  expect(await codeOf(token(renewal))).toEqual([409, 'access_token_given_out']);
});

test('a link is used up by one browser of many', async () => {
  const { url } = await create();
  const secret = url.split('#')[1] ?? '';
  const database = api.database;
  const opened = await Promise.all(
    Array.from({ length: 6 }, () => openConnectSession({ database }, { secret, cookie: null })),
  );
  const outcomes = opened.map(({ outcome }) => outcome).sort();
  expect(outcomes).toEqual(['opened', ...Array(5).fill('used')]);
  const cookie = opened.flatMap((one) => (one.outcome === 'opened' ? [one.cookie] : []))[0] ?? '';
  expect((await openConnectSession({ database }, { secret, cookie })).outcome).toBe('own');
});

test('a link opens nothing after its time, after the end of its session, or while its client is disabled', async () => {
  const opens = async ({ id, url }: Link) => {
    const secret = url.split('#')[1] ?? '';
    const { outcome } = await openConnectSession({ database: api.database }, { secret, cookie: null });
    return [outcome, (await stored(id)).cookieHash === null];
  };
  const expired = await create();
  await late(expired.id);
  expect(await opens(expired)).toEqual(['expired', true]);
  const ended = await create();
  await api.database.prisma.connectSession.update({ where: { id: ended.id }, data: { state: 'canceled' } });
  expect(await opens(ended)).toEqual(['ended', true]);
  const off = await create();
  const client = { where: { id: caller.clientPk } };
  await api.database.prisma.client.update({ ...client, data: { disabledAt: new Date() } });
  expect(await opens(off)).toEqual(['unknown', true]);
  await api.database.prisma.client.update({ ...client, data: { disabledAt: null } });
  expect(await opens(off)).toEqual(['opened', false]);
});

test('five hundred sessions of one client may be open', async () => {
  const busy = await newCaller();
  const by = requestsOf(api.app, busy);
  await create({}, by);
  await api.database.pool.query(
    `INSERT INTO connect_sessions (id, client_pk, return_url, link_hash, expires_at)
     SELECT 'cs_' || n, $1, '', sha256(('busy' || n)::bytea), now() + interval '1 minute' FROM generate_series(1, 499) n`,
    [busy.clientPk],
  );
  expect(await codeOf(by('POST', '/v1/connect-sessions', { body: { return_url: RETURN_URL } }))).toEqual([
    409,
    'connect_session_limit_reached',
  ]);
  await create();
});

test('a service without PUBLIC_URL says so, and has no page', async () => {
  const bare = await openTestApi({ publicUrl: null });
  try {
    const by = requestsOf(bare.app, await bare.newCaller());
    expect(await codeOf(by('POST', '/v1/connect-sessions', { body: { return_url: RETURN_URL } }))).toEqual([
      409,
      'connect_unavailable',
    ]);
    expect((await bare.app.inject('/connect')).statusCode).toBe(404);
  } finally {
    await bare.close();
  }
});
