import { randomBytes } from 'node:crypto';
import { resealAll } from '@emr-payments/db';
import { tokenStoreRules } from '@emr-payments/emr/token-testing';
import { parseKeyring } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newKey, openService, type Service } from '../testing/service.ts';
import { databaseTokenStore } from './database-token-store.ts';

let service: Service;
beforeAll(async () => {
  service = await openService();
});
afterAll(() => service.close());

test.each(tokenStoreRules)('in the database: $name', ({ run }) => run(databaseTokenStore(service)));

const pair = {
  accessToken: 'SECRET-AT',
  refreshToken: 'SECRET-RT',
  afterRejection: false,
  expiresInMs: 1000,
};
async function stored(): Promise<string> {
  const key = randomBytes(32).toString('hex');
  const store = databaseTokenStore(service);
  const lease = await store.lease({ key, generation: 0, leaseMs: 1000 });
  if (lease === null) throw new Error('no lease');
  await store.put(lease, pair);
  return key;
}

test('a pair is sealed for its row, and sealed again with a new key', async () => {
  const [key, other] = [await stored(), await stored()];
  const { rows } = await service.database.pool.query('SELECT * FROM emr_tokens WHERE key = $1', [key]);
  expect(JSON.stringify(rows)).not.toContain('SECRET');
  // A pair that is moved to another row does not open there.
  await service.database.pool.query('UPDATE emr_tokens SET sealed = $2 WHERE key = $1', [
    other,
    rows[0].sealed,
  ]);
  await expect(databaseTokenStore(service).look(other)).rejects.toThrow();
  await service.database.pool.query('DELETE FROM emr_tokens WHERE key = $1', [other]);

  const fresh = newKey('k2');
  const both = { ...service, keyring: parseKeyring(`${fresh},${service.key}`) };
  const { unopened } = await resealAll(both);
  expect(unopened).toEqual([]);
  const only = { ...service, keyring: parseKeyring(fresh) };
  expect((await databaseTokenStore(only).look(key)).pair?.refreshToken).toBe('SECRET-RT');
  // Without its key it is an error, and not a reason to begin again with the first refresh token.
  await expect(databaseTokenStore(service).look(key)).rejects.toThrow("the key 'k2'");
  const discarding = databaseTokenStore(service, { discardUnopened: true });
  expect(await discarding.look(key)).toMatchObject({ pair: null, generation: 1 });
});

test('a pair that is renewed while everything is sealed again stays the renewed one', async () => {
  const key = await stored();
  const { pool } = service.database;
  const renewal = await pool.connect();
  await renewal.query('BEGIN');
  await renewal.query("UPDATE emr_tokens SET sealed = 'k3.renewed' WHERE key = $1", [key]);
  const keyring = parseKeyring(`${newKey('k3')},${service.key}`);
  const resealing = resealAll({ ...service, keyring });
  // It has read the former pair, and waits for the row.
  await vi.waitUntil(
    async () => (await renewal.query('SELECT pid FROM pg_locks WHERE NOT granted')).rows.length > 0,
    { timeout: 20_000 },
  );
  await renewal.query('COMMIT');
  renewal.release();
  await resealing;
  const { rows } = await pool.query('SELECT sealed FROM emr_tokens WHERE key = $1', [key]);
  expect(rows).toEqual([{ sealed: 'k3.renewed' }]);
});
