import { revokeOperatorKey, rotateOperatorKey } from '@emr-payments/operations';
import { createLogger, hashSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestOperatorApi, type TestOperatorApi } from '../testing/operator-api.ts';
import { createOperatorCheck } from './operator-check.ts';

const ADDRESS = '192.0.2.7';
const BY = { actor: 'cli:test', source: 'test' };

let api: TestOperatorApi;
beforeAll(async () => {
  api = await openTestOperatorApi();
});
afterAll(() => api.close());
beforeEach(() => api.audited());

const withHeader = (authorization: string | undefined) =>
  api.app.inject({
    url: '/operator/v1/clients',
    remoteAddress: ADDRESS,
    headers: authorization === undefined ? {} : { authorization },
  });

test('a key is let in with its scheme in any case, and its secret is nowhere in clear', async () => {
  const { secret } = await api.newKey(['clients:read']);
  expect(secret).toMatch(/^op_[\w-]{32}$/);
  for (const scheme of ['Bearer', 'bearer', 'BEARER '])
    expect((await withHeader(`${scheme} ${secret}`)).statusCode).toBe(200);
  const stored = await api.database.prisma.operatorKeySecret.findMany();
  expect(stored.map((row) => Buffer.from(row.secretHash).toString('hex'))).toContain(
    hashSecret(secret).toString('hex'),
  );
  expect(JSON.stringify([stored, await api.database.prisma.operatorKey.findMany()])).not.toContain(secret);
});

test('the day of the last use is written, once', async () => {
  const { keyId, secret } = await api.newKey(['clients:read']);
  const find = () => api.database.prisma.operatorKey.findUniqueOrThrow({ where: { publicId: keyId } });
  expect((await find()).lastUsedOn).toBeNull();
  const today = () => new Date().toISOString().slice(0, 10);
  const before = today();
  await api.ask('GET', '/clients', { secret });
  expect([before, today()]).toContain((await find()).lastUsedOn?.toISOString().slice(0, 10));
});

describe('is refused, and counted with its address:', () => {
  const unknown = `Bearer op_${'x'.repeat(32)}`;
  test.each([
    ['no header', undefined, /missing/],
    ['another scheme', 'Basic b3A6eA==', /Bearer op_/],
    ['two keys', `${unknown} ${unknown}`, /nothing after the key/],
    ['a text that is no key', 'Bearer cs_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', undefined],
    ['an unknown key', unknown, undefined],
  ])('%s', async (_what, header, hint) => {
    const answer = await withHeader(header);
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.json()).toMatchObject({ code: 'invalid_operator_key', safe_to_retry: false });
    if (hint !== undefined) expect(answer.json().hint).toMatch(hint);
    expect(answer.body).not.toContain('cs_MfKQ9r8G');
    expect(await api.audited()).toMatchObject([
      {
        actor: 'operator:',
        source: ADDRESS,
        action: 'credential.use',
        subject: 'credential:invalid_operator_key',
        outcome: 'refused',
      },
    ]);
  });

  test('one that was revoked, by its id', async () => {
    const { keyId, secret } = await api.newKey(['clients:read']);
    await revokeOperatorKey(api, { keyId, by: BY });
    await api.audited();
    expect((await withHeader(`Bearer ${secret}`)).statusCode).toBe(401);
    expect(await api.audited()).toMatchObject([{ actor: `operator:${keyId}`, outcome: 'refused' }]);
  });

  test('one that has expired, by its id', async () => {
    const { keyId, secret } = await api.newKey(['clients:read']);
    const expiresAt = new Date(Date.now() - 1_000);
    await api.database.prisma.operatorKey.update({ where: { publicId: keyId }, data: { expiresAt } });
    await api.audited();
    expect((await withHeader(`Bearer ${secret}`)).statusCode).toBe(401);
    expect(await api.audited()).toMatchObject([{ actor: `operator:${keyId}`, outcome: 'refused' }]);
  });
});

test('a key that was let in a moment before it is revoked is refused within seconds', async () => {
  const { keyId, secret } = await api.newKey(['clients:read']);
  let now = 1_000;
  const check = createOperatorCheck({
    database: api.database,
    logger: createLogger('test', 'silent'),
    clock: { now: () => now },
  });
  expect(await check(secret)).toMatchObject({ outcome: 'operator', caller: { keyId } });
  await revokeOperatorKey(api, { keyId, by: BY });
  now += 3_001;
  expect(await check(secret)).toEqual({ outcome: 'invalid', keyId });
});

test('both secrets are let in during the overlap of a rotation, and the old one not without it', async () => {
  const { keyId, secret } = await api.newKey(['clients:read']);
  const rotated = await rotateOperatorKey(api, { keyId, overlapMs: 60_000, by: BY });
  const second = rotated.outcome === 'rotated' ? rotated.secret : '';
  for (const each of [secret, second])
    expect((await api.ask('GET', '/clients', { secret: each })).statusCode).toBe(200);
  const again = await rotateOperatorKey(api, { keyId, overlapMs: 0, by: BY });
  const third = again.outcome === 'rotated' ? again.secret : '';
  expect((await api.ask('GET', '/clients', { secret: third })).statusCode).toBe(200);
  const stored = await api.database.prisma.operatorKeySecret.findMany({
    where: { key: { publicId: keyId }, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] },
  });
  expect(stored.map((row) => Buffer.from(row.secretHash).toString('hex'))).toEqual([
    hashSecret(third).toString('hex'),
  ]);
  expect(await rotateOperatorKey(api, { keyId: 'opk_nothing', overlapMs: 0, by: BY })).toEqual({
    outcome: 'not_found',
  });
  await revokeOperatorKey(api, { keyId, by: BY });
  expect(await rotateOperatorKey(api, { keyId, overlapMs: 0, by: BY })).toEqual({ outcome: 'disabled' });
});

test('an address with too many failures is refused for the rest of the minute, but not a key that was let in from there', async () => {
  const strict = await openTestOperatorApi({ authFailuresPerMinute: 3 });
  try {
    const source = '198.51.100.4';
    const wrong = `op_${'y'.repeat(32)}`;
    expect((await strict.ask('GET', '/clients', { source })).statusCode).toBe(200);
    for (let n = 0; n < 3; n += 1)
      expect((await strict.ask('GET', '/clients', { source, secret: wrong })).statusCode).toBe(401);
    const refused = await strict.ask('GET', '/clients', { source, secret: wrong });
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'rate_limited']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await strict.ask('GET', '/clients', { source })).statusCode).toBe(200);
    const entries = await strict.audited();
    expect(entries.map(({ subject }) => subject)).toEqual(
      expect.arrayContaining(['credential:invalid_operator_key', 'credential:rate_limited']),
    );
  } finally {
    await strict.close();
  }
});

test('a key has twenty requests a second, and the next has to wait', async () => {
  const limited = await openTestOperatorApi({ perSecond: 20 });
  try {
    // One look-up first, so that the others do not wait for it.
    await limited.ask('GET', '/audit?limit=0');
    const answers = await Promise.all(Array.from({ length: 60 }, () => limited.ask('GET', '/audit?limit=0')));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    expect(refused.length).toBeGreaterThan(20);
    expect(refused[0]?.headers['retry-after']).toBeDefined();
    expect(refused[0]?.json().message).toContain('at most 20 a second for each operator key');
  } finally {
    await limited.close();
  }
});
