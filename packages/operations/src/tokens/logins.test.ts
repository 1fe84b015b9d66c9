import { createUser, readTokenStates, saveConnection } from '@emr-payments/db';
import { tokenKeysOf } from '@emr-payments/emr';
import { parseKeyring } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setUpConnection } from '../connections/set-up-connection.ts';
import { newKey, openService, type Service } from '../testing/service.ts';
import { databaseTokenStore } from './database-token-store.ts';
import { loginOf } from './login-state.ts';
import { pruneTokens } from './prune-tokens.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service.close());

const setup = (refreshToken: string) => ({
  adapter: 'drchrono',
  baseUrl: 'http://127.0.0.1:1',
  credentials: { client_id: 'us', client_secret: 'geheim', refresh_token: refreshToken },
  settings: {},
  timeZone: 'UTC',
  concurrency: 1,
});
const keyOf = (refreshToken: string): string => tokenKeysOf({ ...setup(refreshToken), userId: 0 })[0] ?? '';

async function connected(refreshToken: string): Promise<number> {
  const { userId } = await createUser(service, { clientPk: service.clientPk, name: 'Main Street' });
  await saveConnection(service, { ...setup(refreshToken), userId });
  return userId;
}

async function login(refreshToken: string, state: 'good' | 'login_required') {
  const key = keyOf(refreshToken);
  const store = databaseTokenStore(service);
  const { generation } = await store.look(key);
  const lease = await store.lease({ key, generation, leaseMs: 1000 });
  if (lease === null) throw new Error('no lease');
  if (state === 'login_required') return store.giveUp(lease, { state, waitMs: 0 });
  await store.put(lease, { accessToken: 'a', refreshToken: 'r', afterRejection: false, expiresInMs: 1000 });
}

/** Lets the row of a login be as old as if nobody had renewed it for so many days. */
const age = (refreshToken: string, days: number) =>
  service.database.pool.query(
    `UPDATE emr_tokens SET created_at = now() - make_interval(days => $2), lease_until = NULL,
            obtained_at = obtained_at - make_interval(days => $2) WHERE key = $1`,
    [keyOf(refreshToken), days],
  );

async function stateOf(userId: number, keyring = service.keyring) {
  const row = await service.database.prisma.connection.findUniqueOrThrow({ where: { userId } });
  const { adapter, baseUrl, timeZone, credentials } = row;
  const settings = row.settings as Record<string, unknown>;
  return loginOf({ ...service, keyring }, { userId, adapter, baseUrl, timeZone, credentials, settings });
}

test('a connection says how its login is', async () => {
  const userId = await connected('first');
  expect(await stateOf(userId)).toBe('unused');
  await login('first', 'good');
  expect(await stateOf(userId)).toBe('good');
  await login('first', 'login_required');
  expect(await stateOf(userId)).toBe('login_required');
  // A new login is another credential.
  await saveConnection(service, { ...setup('second'), userId });
  expect(await stateOf(userId)).toBe('unused');
  expect(await stateOf(userId, parseKeyring(newKey('k9')))).toBe('unknown');
  await saveConnection(service, { ...setup(''), adapter: 'fhir-r5', credentials: {}, userId });
  expect(await stateOf(userId)).toBe('static');
});

test('a new login of a connection removes the one that has ended', async () => {
  const userId = await connected('before');
  const { publicId } = await service.database.prisma.user.findUniqueOrThrow({ where: { id: userId } });
  for (const name of ['before', 'elsewhere']) await login(name, 'login_required');
  const reconnect = (refreshToken: string) =>
    setUpConnection(service, {
      ...setup(refreshToken),
      owner: { publicId },
      ratePerSecond: undefined,
      allowPlainHttp: false,
      allowOtherPractice: false,
      check: false,
      guarded: false,
      setsLimits: true,
      by: service.by,
    });
  const ended = async () =>
    (await readTokenStates(service, { keys: ['before', 'elsewhere'].map(keyOf) })).length;
  // The same login again has still ended.
  expect(await reconnect('before')).toMatchObject({ outcome: 'changed' });
  expect(await ended()).toBe(2);
  expect(await reconnect('after')).toMatchObject({ outcome: 'changed' });
  expect(await ended()).toBe(1);
  // A login that is good stays: a second connection may use it, and needs the refresh token that is stored.
  await login('after', 'good');
  expect(await reconnect('third')).toMatchObject({ outcome: 'changed' });
  expect((await databaseTokenStore(service).look(keyOf('after'))).pair).not.toBeNull();
});

test('a thousand tokens that stay hide none that goes', async () => {
  await service.database.pool.query(
    `INSERT INTO emr_tokens (key, created_at) SELECT 'unused-' || n, now() - interval '91 days' FROM generate_series(1, 1200) n`,
  );
  expect(await pruneTokens(service, { days: 90 })).toBe(1200);
});

test('tokens that no connection uses go after their time; those of an idle connection stay', async () => {
  await connected('idle');
  for (const name of ['idle', 'replaced', 'recent']) await login(name, 'good');
  await age('idle', 400);
  await age('replaced', 91);
  await age('recent', 89);
  const left = async () => {
    const rows = await service.database.prisma.emrToken.findMany();
    return ['idle', 'replaced', 'recent'].filter((name) => rows.some(({ key }) => key === keyOf(name)));
  };
  // As long as a connection cannot be opened, nobody knows which tokens are its.
  expect(await pruneTokens({ ...service, keyring: parseKeyring(newKey('k9')) }, { days: 90 })).toBe(0);
  expect(await left()).toEqual(['idle', 'replaced', 'recent']);
  expect(await pruneTokens(service, { days: 90 })).toBe(1);
  expect(await left()).toEqual(['idle', 'recent']);
});
