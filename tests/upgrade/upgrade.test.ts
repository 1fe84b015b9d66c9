import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate, pendingMigrations } from '@emr-payments/db';
import { type AppProcess, appAccess, freePort, PUBLISHED_BODY, startApp } from '@emr-payments/stack';
import {
  hasHaproxy,
  hasRedisServer,
  openEmptyDatabase,
  startHaproxy,
  startRedis,
} from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Sent, startSteadyLoad } from '../service/steady-load.ts';
import { withLaterMigrations } from './later-migrations.ts';
import {
  hasPreviousRelease,
  openPreviousRelease,
  PREVIOUS,
  type PreviousRelease,
} from './previous-release.ts';

const canRun = { history: await hasPreviousRelease(), haproxy: hasHaproxy() };
if (!canRun.history || !canRun.haproxy)
  process.stderr.write(`
  ############################################################################
  #  ${canRun.history ? 'NO HAPROXY' : 'NO HISTORY (a shallow clone?)'}: the upgrade from the previous release was SKIPPED.
  #  It needs haproxy, and the commit ${PREVIOUS}.
  ############################################################################
`);
else if (!hasRedisServer())
  process.stderr.write(`
  ############################################################################
  #  NO REDIS-SERVER: the upgrade ran with the queue on PostgreSQL alone.    #
  ############################################################################
`);

const redisIsThere = hasRedisServer();
if (!redisIsThere)
  process.stderr.write(`
  ############################################################################
  #  NO REDIS-SERVER: the upgrade was tried with the queue on POSTGRESQL ONLY.
  ############################################################################
`);

const HOST = '127.0.0.1';
/** Payments a second. */
const RATE = 30;
const CHECK_MS = 100;
const DRAIN_MS = 1_500;
const PATIENCE = { timeout: 60_000, interval: 50 };

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const release of cleanUp.splice(0).reverse()) await release();
});
const later = <T>(opened: T, release: (opened: T) => unknown): T => {
  cleanUp.push(() => release(opened));
  return opened;
};

/** The lines of a process's log that somebody would have to look at. */
const errorsIn = ({ logFile }: AppProcess): string[] =>
  readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line));

type Ready = { status: string; schema: string };

const REPEATED = 'sent-to-both-versions';

/** Sends one request, the same each time, to one API process. */
async function sendRepeated(apiUrl: string, credentials: Readonly<Record<string, string>>): Promise<unknown> {
  const answer = await fetch(`${apiUrl}/v1/payments`, {
    method: 'POST',
    headers: { ...credentials, 'content-type': 'application/json', 'idempotency-key': REPEATED },
    body: JSON.stringify({ ...PUBLISHED_BODY, reference_number: REPEATED }),
  });
  return answer.json();
}

describe.runIf(canRun.history && canRun.haproxy)('a rolling upgrade from the previous release', () => {
  let previous: PreviousRelease;
  let migrations: ReturnType<typeof withLaterMigrations>;
  beforeAll(async () => {
    migrations = withLaterMigrations();
    previous = await openPreviousRelease();
  }, 300_000);
  afterAll(() => {
    migrations?.remove();
    previous?.remove();
  });

  test.each(redisIsThere ? ['PostgreSQL', 'Redis'] : ['PostgreSQL'])(
    'with the queue on %s: loses no request, posts every payment once, delivers every event, and can be taken back',
    async (backend) => {
      const folder = later(mkdtempSync(join(tmpdir(), 'emr-payments-upgrade-')), (it) =>
        rmSync(it, { recursive: true, force: true }),
      );
      const database = later(await openEmptyDatabase(), (it) => it.drop());
      const redis = backend === 'Redis' ? later(await startRedis(), (it) => it.stop()) : undefined;

      // The previous release on its own schema.
      const old = later(
        await previous.stack.startStack({
          folder,
          databaseUrl: database.url,
          redisUrl: redis?.url,
          apis: 2,
          workers: 1,
          settings: {
            api: { DRAIN_MS: String(DRAIN_MS), LOG_LEVEL: 'warn' },
            worker: { LOG_LEVEL: 'warn' },
            'webhook-inbox': { INBOX_KEEP: '100000' },
          },
        }),
        (it) => it.stop(),
      );
      const started: AppProcess[] = [];
      cleanUp.push(() => Promise.all(started.map((each) => each.stop())));
      const startNew = async (app: 'api' | 'worker', port: number): Promise<AppProcess> => {
        const ports = app === 'api' ? { PORT: String(port) } : { HEALTH_PORT: String(port) };
        const opened = await startApp({
          app,
          name: `new-${app}`,
          url: `http://${HOST}:${port}`,
          logFile: join(folder, `new-${app}-${port}.log`),
          env: {
            ...ports,
            HOST,
            DATABASE_URL: old.databaseUrl,
            ENCRYPTION_KEYS: old.encryptionKeys,
            WEBHOOK_ALLOW_HOSTS: HOST,
            SANDBOX_HOSTS: old.sandboxHosts,
            DRAIN_MS: app === 'api' ? String(DRAIN_MS) : '0',
            LOG_LEVEL: 'warn',
            ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
          },
        });
        started.push(opened);
        return opened;
      };
      const newPorts = [await freePort(), await freePort()] as const;
      const proxy = later(
        await startHaproxy({
          servers: [...old.apis, ...newPorts.map((port) => ({ url: `http://${HOST}:${port}` }))],
          check: { everyMs: CHECK_MS, fall: 1, rise: 1 },
        }),
        (it) => it.stop(),
      );
      const serving = (...names: string[]) =>
        vi.waitFor(async () => expect(await proxy.up()).toEqual(names), PATIENCE);
      await serving('api1', 'api2');

      const client = later(new Client({ connectionString: database.url }), (it) => it.end());
      await client.connect();
      const { client_id, client_secret, access_token } = old.demo;
      const credentials = { client_id, client_secret, access_token };
      const load = startSteadyLoad({ baseUrl: proxy.url, credentials }, { prefix: 'load', perSecond: RATE });
      cleanUp.push(() => load.stop());

      const processes = () => [...old.processes(), ...started];
      /** One payment that is sent now has gone its whole way: the processes that run now accept, post and deliver. */
      const isServed = async (reference: string) => {
        expect(await load.post(reference)).toEqual({ reference, end: '200' });
        await vi.waitFor(async () => {
          const { rows } = await client.query(
            `SELECT d.status FROM payments p JOIN events e ON e.payment_id = p.id JOIN deliveries d ON d.event_id = e.id
            WHERE p.reference_number = $1`,
            [reference],
          );
          expect({ rows, errors: processes().flatMap(errorsIn) }).toEqual({
            rows: [{ status: 'delivered' }],
            errors: [],
          });
        }, PATIENCE);
      };
      await isServed('old on the old schema');

      // Processes that come too early wait, and are given nothing.
      const [first, second] = newPorts;
      const early = [await startNew('worker', await freePort()), await startNew('api', first)];
      const { pending } = await pendingMigrations({ database: { pool: client } });
      const readiness = async () =>
        Promise.all(
          early.map(async ({ url }) => (await (await fetch(`${url}/health/ready`)).json()) as Ready),
        );
      if (pending.length > 0)
        expect(await readiness()).toEqual(early.map(() => expect.objectContaining({ schema: 'behind' })));
      const { applied } = await migrate({
        url: database.url,
        appRole: appAccess(database.url).role,
        folder: migrations.folder,
      });
      expect(applied).toEqual([...pending, ...migrations.later]);
      await isServed('old on the new schema');

      await serving('api1', 'api2', 'api3');
      await vi.waitFor(
        async () =>
          expect(await readiness()).toEqual(
            early.map(() => expect.objectContaining({ status: 'ok', schema: 'current' })),
          ),
        PATIENCE,
      );
      await isServed('both side by side');
      const [oldAnswer, newAnswer] = [
        await sendRepeated(old.apiUrl, credentials),
        await sendRepeated(early[1]?.url ?? '', credentials),
      ];
      expect(newAnswer).toEqual(oldAnswer);
      expect(newAnswer).toMatchObject({ success: true });

      const [oldWorker] = old.workers;
      const [oldApi, otherOldApi] = old.apis;
      await oldWorker?.stop();
      await oldApi?.stop();
      await startNew('api', second);
      await serving('api2', 'api3', 'api4');
      await otherOldApi?.stop();
      await serving('api3', 'api4');
      await isServed('new alone');

      // The way back.
      await oldWorker?.start();
      await oldApi?.start();
      await serving('api1', 'api3', 'api4');
      for (const each of started) expect(await each.stop()).toEqual({ code: 0, signal: null });
      await serving('api1');
      await isServed('old alone again');

      const sent = await load.stop();
      await compare({ client, sent, emrUrl: old.emrUrl, inboxFile: join(folder, 'state', 'inbox.jsonl') });
      expect(processes().flatMap(errorsIn)).toEqual([]);
      expect(sent.length).toBeGreaterThan(RATE);
      process.stderr.write(
        `upgraded with ${applied.length} migrations and the queue on ${backend} under ${sent.length} payments\n`,
      );
    },
    300_000,
  );
});

/** Waits until all work is done, and compares what was sent with what the database, the EMR and the receiver of the webhooks have. */
async function compare({
  client,
  sent,
  emrUrl,
  inboxFile,
}: {
  client: Client;
  sent: readonly Sent[];
  emrUrl: string;
  inboxFile: string;
}): Promise<void> {
  expect(sent.filter(({ end }) => end !== '200')).toEqual([]);
  const references = [...sent.map(({ reference }) => reference), REPEATED].sort();
  await vi.waitFor(async () => {
    const { rows } = await client.query<{ open: number }>(
      `SELECT count(*)::int AS open FROM jobs WHERE kind IN ('post_payment', 'deliver_webhook')`,
    );
    expect(rows).toEqual([{ open: 0 }]);
  }, PATIENCE);
  const { rows } = await client.query<{
    reference: string;
    status: string;
    event: string;
    delivery: string;
  }>(`
    SELECT p.reference_number AS reference, p.status, e.id AS event, d.status AS delivery
      FROM payments p LEFT JOIN events e ON e.payment_id = p.id LEFT JOIN deliveries d ON d.event_id = e.id`);
  expect(rows.map(({ reference }) => reference).sort()).toEqual(references);
  expect(rows.filter(({ status, delivery }) => status !== 'posted' || delivery !== 'delivered')).toEqual([]);

  const answer = await fetch(`${emrUrl}/sandbox/ledger`);
  const { entries } = (await answer.json()) as { entries: { reference_number: string }[] };
  expect(entries.map((entry) => entry.reference_number).sort()).toEqual(references);

  const received = readFileSync(inboxFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: string; verified: boolean });
  const verified = new Set(received.filter((message) => message.verified).map(({ id }) => id));
  expect(rows.filter(({ event }) => !verified.has(event))).toEqual([]);
}
