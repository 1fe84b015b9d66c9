import { createAcceptor, openDatabase } from '@emr-payments/db';
import { openTestDatabase } from '@emr-payments/testkit';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';
import { openBulkheads } from './open-bulkheads.ts';

const SIZES = { acceptPoolSize: 3, poolSize: 4, readPoolSize: 3, readTimeoutMs: 1000 };

type Tenant = { send: Send; user: ReturnType<typeof userRequests> };

async function tenantOf(api: TestApi): Promise<Tenant> {
  const caller = await api.newCaller();
  return { send: requestsOf(api.app, caller), user: userRequests(api, caller) };
}

/** The API's connections that wait for a lock. */
async function waiting(api: TestApi): Promise<number> {
  const { rows } = await api.database.pool.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND datname = current_database() AND application_name LIKE 'emr-payments-api%'`,
  );
  return rows[0]?.n ?? 0;
}

/** Holds a lock while `work` runs. */
async function holding<T>(api: TestApi, lock: string, work: () => Promise<T>): Promise<T> {
  const client = await api.database.pool.connect();
  try {
    await client.query(`SET idle_in_transaction_session_timeout = 0; BEGIN; ${lock}`);
    return await work();
  } finally {
    await client.query('ROLLBACK');
    client.release(true);
  }
}

const ready = (app: FastifyInstance) => app.inject('/health/ready');

/** Accepting uses no events, and neither does the list of endpoints. */
const LOCK_EVENTS = 'LOCK TABLE events IN ACCESS EXCLUSIVE MODE';

describe('reads that take long', () => {
  let api: TestApi;
  let ours: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    api = await openTestApi({ readTimeoutMs: 30_000 });
    [ours, other] = [await tenantOf(api), await tenantOf(api)];
  });
  afterAll(() => api.close());

  test('of one client take its share; payments, readiness and the reads of others go on', async () => {
    const url = '/v1/events?type=payment.failed';
    const all = await holding(api, LOCK_EVENTS, async () => {
      const stuck = Array.from({ length: 7 }, () => ours.send('GET', url));
      await expect.poll(() => waiting(api)).toBe(1);
      const refused = await ours.send('GET', url);
      expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1']);
      expect(refused.json()).toMatchObject({
        code: 'rate_limited',
        message: 'Too many requests: at most one of the lists or reconciliations of one client at a time.',
        safe_to_retry: true,
      });
      // Every list and report of the client counts, whatever it reads.
      for (const same of ['/v1/webhooks', '/v1/events']) {
        expect((await ours.send('GET', same)).statusCode).toBe(429);
      }
      for (const same of ['/v1/payments', '/v1/reconciliation?date=2026-06-15']) {
        expect((await ours.user.get(same)).statusCode).toBe(429);
      }
      await other.user.pay();
      await ours.user.pay();
      expect((await ready(api.app)).statusCode).toBe(200);
      expect((await other.send('GET', '/v1/webhooks')).statusCode).toBe(200);
      expect((await other.user.get('/v1/reconciliation?date=2026-06-15')).statusCode).toBe(200);
      // The others of the seven have no connection.
      expect(await waiting(api)).toBe(1);
      return stuck;
    });
    expect((await all[0])?.statusCode).toBe(200);
    await Promise.all(all);
  });

  test('of many clients take the connections for reads, and nothing else', async () => {
    const crowd = await Promise.all(Array.from({ length: 4 }, () => tenantOf(api)));
    const all = await holding(api, LOCK_EVENTS, async () => {
      const stuck = crowd.map(({ send }) => send('GET', '/v1/events'));
      await expect.poll(() => waiting(api)).toBe(3);
      const { job_id } = await other.user.pay();
      expect((await ready(api.app)).statusCode).toBe(200);
      expect((await other.user.get(`/v1/jobs/${job_id}`)).statusCode).toBe(200);
      return stuck;
    });
    expect((await Promise.all(all)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
  });
});

test('a connection pool that everything else fills takes nothing from a payment', async () => {
  const api = await openTestApi();
  const { database } = api.bulkheads;
  const taken = await Promise.all(Array.from({ length: 4 }, () => database.pool.connect()));
  try {
    // A caller that is in no cache.
    const tenant = await tenantOf(api);
    await tenant.user.pay();
    expect((await ready(api.app)).statusCode).toBe(200);
    expect((await tenant.user.get('/v1/payments')).statusCode).toBe(200);
  } finally {
    for (const client of taken) client.release();
    await api.close();
  }
});

describe('a read that takes too long', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await openTestApi({ readTimeoutMs: 200 });
  });
  afterAll(() => api.close());

  test.each([
    ['/v1/events', 'client'],
    ['/v1/payments', 'user'],
    ['/v1/payments?status=failed', 'user'],
  ] as const)('is stopped and refused with what to do: %s', async (url, by) => {
    const { send, user } = await tenantOf(api);
    const get = () => (by === 'client' ? send('GET', url) : user.get(url));
    await holding(api, LOCK_EVENTS, async () => {
      const refused = await get();
      expect(refused.statusCode).toBe(422);
      expect(refused.json()).toMatchObject({
        code: 'read_too_costly',
        message: 'Reading this takes too long. Narrow it: a shorter time, another filter, or a location.',
        safe_to_retry: false,
      });
      // The connection is free again, and nothing else has noticed.
      expect(await waiting(api)).toBe(0);
      expect((await ready(api.app)).statusCode).toBe(200);
      expect((await send('GET', '/v1/webhooks')).statusCode).toBe(200);
    });
    expect((await get()).statusCode).toBe(200);
  });
});

describe('changes that wait for each other', () => {
  test('of one client leave connections to its reads and to the changes of others, and are all made', async () => {
    const api = await openTestApi();
    const [ours, other] = [await tenantOf(api), await tenantOf(api)];
    const endpointOf = async ({ send }: Tenant): Promise<string> =>
      (await send('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:4001/hook' } })).json().data.id;
    const [id, theirs] = [await endpointOf(ours), await endpointOf(other)];
    const change = ({ send }: Tenant, endpoint: string, n: number) =>
      send('PATCH', `/v1/webhooks/${endpoint}`, { body: { description: `change ${n}` }, key: `key-${n}` });

    const lock = `SELECT FROM webhook_endpoints WHERE id = '${id}' FOR UPDATE`;
    const changes = await holding(api, lock, async () => {
      const stuck = Array.from({ length: 40 }, (_, n) => change(ours, id, n));
      await expect.poll(() => waiting(api)).toBe(1);
      expect((await ours.send('GET', `/v1/webhooks/${id}`)).statusCode).toBe(200);
      expect((await change(other, theirs, 1)).statusCode).toBe(200);
      await other.user.pay();
      expect((await ready(api.app)).statusCode).toBe(200);
      expect(await waiting(api)).toBe(1);
      return stuck;
    });
    const answers = await Promise.all(changes);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array(40).fill(200));
    await api.close();
  });
});

test('the statement that accepts is planned once for each connection, also while payments come alone', async () => {
  const { appUrl: url, drop } = await openTestDatabase();
  const { accepting, close } = openBulkheads({ ...SIZES, url, acceptPoolSize: 1 });
  onTestFinished(async () => {
    await close();
    await drop();
  });
  const acceptor = createAcceptor({ database: accepting });
  const payment = {
    ...{ clientPk: 1, userId: 1, patientMrn: 'MRN-000001', paymentMethod: 'Card', referenceNumber: '#1' },
    ...{ location: '1404', amount: '1.00', notes: null, depositDate: null, idempotency: null },
  };
  for (let n = 0; n < 8; n += 1)
    expect(await acceptor.accept(payment)).toEqual({ outcome: 'patient_not_found' });
  const { rows } = await accepting.pool.query<{ generic: number; custom: number }>(
    `SELECT generic_plans::int AS generic, custom_plans::int AS custom FROM pg_prepared_statements
      WHERE name = 'accept-payments'`,
  );
  expect(rows).toEqual([{ generic: 8, custom: 0 }]);
});

test('all pools are closed in the end', async () => {
  const { appUrl: url, drop } = await openTestDatabase();
  const bulkheads = openBulkheads({ ...SIZES, url });
  await bulkheads.accepting.ping();
  await bulkheads.database.ping();
  await bulkheads.costly.run({ clientPk: 1 }, ({ database }) => database.pool.query('SELECT 1'));
  const direct = openDatabase({ url, poolSize: 1, applicationName: 'test' });
  const open = async (): Promise<string[]> =>
    (
      await direct.pool.query<{ name: string }>(
        `SELECT application_name AS name FROM pg_stat_activity
          WHERE datname = current_database() AND application_name LIKE 'emr-payments-api%' ORDER BY 1`,
      )
    ).rows.map(({ name }) => name);
  expect(await open()).toEqual(['emr-payments-api', 'emr-payments-api accept', 'emr-payments-api read']);
  await bulkheads.close();
  await expect.poll(open).toEqual([]);
  await direct.close();
  await drop();
});
