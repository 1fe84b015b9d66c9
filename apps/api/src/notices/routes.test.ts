import { randomBytes } from 'node:crypto';
import { createUser, giveNoticeAddress, saveConnection } from '@emr-payments/db';
import type { LogFields, Logger } from '@emr-payments/runtime';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';

const lines: string[] = [];
const line = (fields: LogFields, message: string) => lines.push(JSON.stringify({ ...fields, message }));
const logger: Logger = { debug: line, info: line, warn: line, error: line };

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi({
    logger,
    // A dialect whose notices list our payment ids.
    noticeReader: ({ adapter }) =>
      adapter === 'fhir-r5'
        ? (body) => ({ paymentIds: (body as { payments?: string[] } | null)?.payments ?? [] })
        : null,
  });
});
afterAll(() => api.close());

/** Gives a user an address. @returns its secret. */
async function addressOf(userId: number): Promise<string> {
  const by = { actor: 'cli:test', source: 'test' };
  const given = await giveNoticeAddress(api, { userId, rotate: false, by });
  if (given.outcome !== 'given') throw new Error(given.outcome);
  return given.secret;
}

const notify = (secret: string, payload: string | Buffer, headers: Record<string, string> = {}) =>
  api.app.inject({
    method: 'POST',
    url: `/v1/emr-notices/${secret}`,
    headers: { 'content-type': 'application/json', ...headers },
    payload,
  });

/** A practice with an address, and a submitted payment that is looked up in an hour. */
async function openPractice() {
  const caller = await api.newCaller();
  const secret = await addressOf(caller.userId);
  const { payment_id: paymentId, job_id: jobId } = await userRequests(api, caller).pay();
  await putInto(api, { paymentId, status: 'submitted' });
  const later = () =>
    api.database.pool.query("UPDATE jobs SET run_at = now() + interval '1 hour' WHERE id = $1", [jobId]);
  await later();
  const isDue = async () => {
    const { rows } = await api.database.pool.query('SELECT run_at <= now() AS due FROM jobs WHERE id = $1', [
      jobId,
    ]);
    return rows[0]?.due;
  };
  const send = (payload: string | Buffer, headers: Record<string, string> = {}) =>
    notify(secret, payload, headers);
  return { ...caller, secret, paymentId, isDue, later, send };
}

/** Makes one more practice of a client, without patients and payments. */
async function newUserOf(clientPk: number): Promise<number> {
  const { userId } = await createUser(api, { clientPk, name: 'Riverside' });
  await saveConnection(api, {
    userId,
    adapter: 'fhir-r5',
    baseUrl: 'http://127.0.0.1:1/fhir',
    credentials: {},
    timeZone: 'UTC',
    concurrency: 1,
  });
  return userId;
}

test('a notice that names a submitted payment brings its look-up forward, and changes nothing else', async () => {
  const practice = await openPractice();
  const answer = await practice.send(JSON.stringify({ payments: [practice.paymentId] }));
  expect([answer.statusCode, answer.body]).toEqual([204, '']);
  expect(await practice.isDue()).toBe(true);
  const { data } = (await userRequests(api, practice).get(`/v1/payments/${practice.paymentId}`)).json();
  expect(data).toMatchObject({ status: 'submitted', events: [], emr_transaction_id: null });
});

test('a notice cannot name the payments of another connection', async () => {
  const practice = await openPractice();
  const other = await openPractice();
  expect((await practice.send(JSON.stringify({ payments: [other.paymentId] }))).statusCode).toBe(204);
  expect(await other.isDue()).toBe(false);
});

test.each<[string, (id: string) => string | Buffer, Record<string, string>?]>([
  ['nothing', () => ''],
  ['null', () => 'null'],
  ['a text', (id) => `"${id}"`],
  ['half of a text', (id) => `{"payments": ["${id}"`],
  ['a member twice', (id) => `{"payments": ["${id}"], "payments": ["${id}"]}`],
  ['texts that are no ids', (id) => `{"payments": ["${id.toUpperCase()}", "x", "", "${id}0"]}`],
  ['too much depth', () => `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['no UTF-8', () => Buffer.from([0xff, 0xfe, 0x00])],
  ['a form', (id) => `payments=${id}`, { 'content-type': 'application/x-www-form-urlencoded' }],
  ['an unreadable type', (id) => `payments: ${id}`, { 'content-type': ';;' }],
  ['compressed bytes', () => Buffer.from([0x1f, 0x8b, 0x08, 0x00]), { 'content-encoding': 'gzip' }],
])(
  'whatever is in the body, the answer is 204, and nothing of it is believed: %s',
  async (_name, body, headers) => {
    const practice = await openPractice();
    expect((await practice.send(body(practice.paymentId), headers)).statusCode).toBe(204);
    expect(await practice.isDue()).toBe(false);
  },
);

test('a body above 64 KiB is refused', async () => {
  const practice = await openPractice();
  const answer = await practice.send(
    JSON.stringify({ payments: [practice.paymentId], more: 'x'.repeat(65_536) }),
  );
  expect([answer.statusCode, answer.json().code]).toEqual([413, 'payload_too_large']);
  expect(await practice.isDue()).toBe(false);
});

test('an address that does not exist is answered as any unknown path, before its body is read', async () => {
  const practice = await openPractice();
  const other = `en_${randomBytes(24).toString('base64url')}`;
  const wrong = [
    other,
    `${practice.secret}x`,
    practice.secret.slice(0, -1),
    practice.secret.toUpperCase(),
    'x'.repeat(200),
    '%00',
    '..',
  ];
  for (const secret of wrong) {
    const options: InjectOptions = {
      method: 'POST',
      url: `/v1/emr-notices/${secret}`,
      payload: 'x'.repeat(70_000),
    };
    const answer = await api.app.inject(options);
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'route_not_found']);
  }
  const get = await api.app.inject({ method: 'GET', url: `/v1/emr-notices/${practice.secret}` });
  expect([get.statusCode, get.headers.allow]).toEqual([405, 'POST']);
});

test('notices of one connection are limited, and those of another go on', async () => {
  const practice = await openPractice();
  const other = await addressOf(await newUserOf(practice.clientPk));
  const begun = performance.now();
  const answers = await Promise.all(Array.from({ length: 40 }, () => practice.send('{}')));
  const seconds = (performance.now() - begun) / 1000;
  const refused = answers.filter(({ statusCode }) => statusCode === 429);
  const taken = answers.filter(({ statusCode }) => statusCode === 204);
  expect(taken.length).toBeGreaterThanOrEqual(10);
  expect(taken.length).toBeLessThanOrEqual(10 + Math.ceil(10 * seconds));
  expect(taken.length + refused.length).toBe(40);
  expect(refused[0]?.json()).toMatchObject({
    code: 'rate_limited',
    message: expect.stringContaining('at most 10 notices a second'),
  });
  expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
  // The same client's, to whom the limit does not belong.
  expect((await notify(other, '{}')).statusCode).toBe(204);
});

test('the secret is in no line of the log, and the document does not have the address', async () => {
  const practice = await openPractice();
  const before = lines.length;
  await practice.send(JSON.stringify({ payments: [practice.paymentId] }));
  await practice.send('nonsense');
  const wrong = `en_${randomBytes(24).toString('base64url')}`;
  await api.app.inject({ method: 'POST', url: `/v1/emr-notices/${wrong}`, payload: '{}' });
  await expect.poll(() => lines.slice(before).filter((each) => each.includes('"request"')).length).toBe(3);
  const written = lines.slice(before).join('\n');
  expect(written).toContain('"route":"/v1/emr-notices/:secret"');
  expect(written).toContain(`"user_id":"${practice.publicId}"`);
  for (const secret of [practice.secret, wrong]) expect(written).not.toContain(secret);
  expect(JSON.stringify(api.app.swagger())).not.toContain('emr-notices');
});
