import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PUBLISHED_BODY, startStack } from '@emr-payments/stack';
import {
  hasPgbouncer,
  hasRedisServer,
  openTestDatabase,
  startPgbouncer,
  startRedis,
  type TestDatabase,
} from '@emr-payments/testkit';
import { Client } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';

const NO_REDIS = `
  ############################################################################
  #  NO redis-server: the test of a full PostgreSQL with Redis was SKIPPED.  #
  ############################################################################
`;
if (!hasRedisServer()) process.stderr.write(NO_REDIS);

const NO_PGBOUNCER = `
  ############################################################################
  #  NO PGBOUNCER: the test of a service behind a full one was SKIPPED.      #
  ############################################################################
`;
if (!hasPgbouncer()) process.stderr.write(NO_PGBOUNCER);

const PATIENCE = { timeout: 60_000, interval: 100 };

/**
 * A service that nobody has used yet, in a database that takes no further connection on demand, as when others have them all.
 *
 * @param options.through the URL by which API and worker reach it.
 */
async function quietService({
  redisUrl,
  through,
}: {
  redisUrl?: string;
  through?: (database: TestDatabase) => Promise<string>;
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-full-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = await openTestDatabase();
  onTestFinished(database.drop);
  const operator = new Client({ connectionString: database.url });
  await operator.connect();
  onTestFinished(() => operator.end());
  const appUrl = await through?.(database);
  const stack = await startStack({ folder, databaseUrl: database.url, appUrl, redisUrl });
  onTestFinished(() => stack.stop());
  const { client_id, client_secret, access_token } = stack.demo;
  const count = async (rows: string): Promise<number> =>
    (await operator.query(`SELECT count(*)::int AS n FROM ${rows}`)).rows[0].n;
  return {
    /** The service's role is not a superuser, so this is a bound for it. */
    limitConnections: (to: number) =>
      operator.query(`ALTER DATABASE "${operator.database}" CONNECTION LIMIT ${to}`),
    sessions: (name: string) =>
      count(`pg_stat_activity WHERE datname = current_database() AND application_name = '${name}'`),
    toldOf: () => count(`deliveries WHERE status = 'delivered'`),
    readiness: async (): Promise<unknown> => (await fetch(`${stack.apiUrl}/health/ready`)).json(),
    async pay(): Promise<number> {
      const answer = await fetch(`${stack.apiUrl}/v1/payments`, {
        method: 'POST',
        headers: { client_id, client_secret, access_token, 'content-type': 'application/json' },
        body: JSON.stringify({ ...PUBLISHED_BODY, reference_number: randomBytes(8).toString('hex') }),
      });
      await answer.text();
      return answer.status;
    },
  };
}

type Service = Awaited<ReturnType<typeof quietService>>;

/** The connections that a service holds which has nothing to do. */
const KEPT = {
  'emr-payments-api accept': 1,
  'emr-payments worker': 1,
  'emr-payments worker turns': 1,
  'emr-payments relay': 1,
};

/** `KEPT`, one for the readiness of the API, one for that of the worker, and one to see how the pooler works. */
const SESSIONS = '7';

/** More at once than one connection carries in a statement. */
const PAYMENTS = 60;

async function payAll(service: Service): Promise<void> {
  const paid = await Promise.all(Array.from({ length: PAYMENTS }, () => service.pay()));
  expect(paid).toEqual(Array(PAYMENTS).fill(200));
}

async function fillAndPay(service: Service): Promise<void> {
  // A worker that has not begun yet has no connections to work with.
  for (const [name, count] of Object.entries(KEPT))
    await vi.waitFor(
      async () => expect(await service.sessions(name)).toBeGreaterThanOrEqual(count),
      PATIENCE,
    );
  await service.limitConnections(1);
  expect(await service.readiness()).toMatchObject({ postgres: 'up' });
  await payAll(service);
  expect(await service.sessions('emr-payments-api accept')).toBe(1);
}

test.runIf(hasRedisServer())(
  'others have all connections of PostgreSQL: payments are accepted, posted and told on those that the service has',
  async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const service = await quietService({ redisUrl: redis.url });
    await fillAndPay(service);
    await vi.waitFor(async () => expect(await service.toldOf()).toBe(PAYMENTS), PATIENCE);
    expect(await service.readiness()).toMatchObject({ status: 'ok' });
  },
  240_000,
);

test('without Redis they are accepted, and posted when there are connections again', async () => {
  const service = await quietService();
  await fillAndPay(service);
  await vi.waitFor(
    async () => expect(await service.readiness()).toMatchObject({ reasons: ['queue_unreachable'] }),
    PATIENCE,
  );
  await service.limitConnections(-1);
  await vi.waitFor(async () => expect(await service.toldOf()).toBe(PAYMENTS), PATIENCE);
}, 240_000);

test.runIf(hasRedisServer() && hasPgbouncer())(
  'a PgBouncer with fewer sessions than the service would open: payments are accepted, posted and told on those',
  async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const service = await quietService({
      redisUrl: redis.url,
      async through({ appUrl }) {
        const settings = { default_pool_size: SESSIONS };
        const bouncer = await startPgbouncer({ urls: [appUrl], mode: 'session', settings });
        onTestFinished(() => bouncer.stop());
        return bouncer.urlOf(appUrl);
      },
    });
    await payAll(service);
    await vi.waitFor(async () => expect(await service.toldOf()).toBe(PAYMENTS), PATIENCE);
    await vi.waitFor(async () => expect(await service.readiness()).toMatchObject({ status: 'ok' }), PATIENCE);
  },
  240_000,
);
