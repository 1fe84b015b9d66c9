import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { hasPgbouncer, openTestDatabase, startPgbouncer } from '@emr-payments/testkit';
import { Client, DatabaseError, type Pool } from 'pg';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { hadNoConnection, openPool } from './postgres-pool.ts';

const NO_PGBOUNCER = `
  ############################################################################
  #  NO PGBOUNCER: the tests of a full one were SKIPPED.                     #
  ############################################################################
`;
if (!hasPgbouncer()) process.stderr.write(NO_PGBOUNCER);

let pool: Pool;
let operator: Client;
let appUrl: string;
let role: string;

beforeEach(async () => {
  const database = await openTestDatabase();
  const { url, drop } = database;
  appUrl = database.appUrl;
  // Nobody waits for a connection in vain, however slow the machine is.
  pool = openPool({ url: appUrl, max: 4, connectionTimeoutMillis: 30_000 });
  role = new URL(appUrl).username;
  operator = new Client({ connectionString: url });
  await operator.connect();
  return async () => {
    await pool.end();
    await operator.end();
    await drop();
  };
});

/** How many connections the server takes of the service's role. The operator's counts, too, and is not refused. */
const limit = (to: number) =>
  operator.query(`ALTER DATABASE "${operator.database}" CONNECTION LIMIT ${to + 1}`);
const noLimit = () => operator.query(`ALTER DATABASE "${operator.database}" CONNECTION LIMIT -1`);

const SLEEP = 'SELECT pg_backend_pid() AS pid, pg_sleep(0.02)';
const sleeps = (count: number, through = pool) =>
  Promise.all(Array.from({ length: count }, async () => (await through.query(SLEEP)).rows[0].pid));

test('when the server takes no further connection, statements wait for those that there are', async () => {
  await limit(2);
  const first = await pool.connect();
  const second = await pool.connect();
  first.release();
  second.release();
  expect(new Set(await sleeps(30)).size).toBe(2);
  const clients = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const client = await pool.connect();
      await client.query(SLEEP);
      client.release();
      return client;
    }),
  );
  expect(new Set(clients)).toEqual(new Set([first, second]));
});

test('a second later it opens more again', async () => {
  await limit(1);
  await pool.query('SELECT 1');
  expect(new Set(await sleeps(5)).size).toBe(1);
  await noLimit();
  await vi.waitFor(async () => expect(new Set(await sleeps(8)).size).toBe(4));
  expect(pool.options.max).toBe(4);
});

test('a pool without a connection fails as the server says, all that wait', async () => {
  await limit(0);
  const found = await Promise.allSettled(Array.from({ length: 10 }, () => pool.query('SELECT 1')));
  expect(found.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(Array(10).fill('53300'));
  expect(pool.totalCount).toBe(0);
  await noLimit();
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('when the last connection is lost, those that wait for it fail as the server says', async () => {
  await limit(1);
  const last = await pool.connect();
  const waiting = Promise.allSettled([pool.query('SELECT 1'), pool.query('SELECT 1')]);
  await vi.waitFor(() => expect(pool.waitingCount).toBe(2));
  await limit(0);
  last.release(true);
  const found = await waiting;
  expect(found.map((one) => one.status === 'rejected' && one.reason.code)).toEqual(['53300', '53300']);
});

test('whatever keeps it from opening another, statements wait for those that there are, and give up with the reason', async () => {
  const impatient = openPool({ url: appUrl, max: 4, connectionTimeoutMillis: 2_000 });
  onTestFinished(() => impatient.end());
  const [busy, busyToo] = [await pool.connect(), await impatient.connect()];
  await operator.query(`REVOKE CONNECT ON DATABASE "${operator.database}" FROM PUBLIC, "${role}"`);
  const served = pool.query('SELECT 1 AS one');
  const error = await impatient.query('SELECT 1').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: '42501' });
  expect(hadNoConnection(error)).toBe(true);
  busyToo.release();
  busy.release();
  expect((await served).rows).toEqual([{ one: 1 }]);
});

test('a connection that is cut in the moment in which it is handed on does not end the process', async () => {
  const single = openPool({ url: appUrl, max: 1, connectionTimeoutMillis: 30_000 });
  onTestFinished(() => single.end());
  const first = await single.connect();
  const second = single.connect();
  first.release();
  // The server's last words came in the same packet as the end of the statement before, so nothing that waits has run in between.
  const cut = new DatabaseError('terminating connection due to administrator command', 0, 'error');
  expect(() => (first as unknown as Client).connection.emit('errorMessage', cut)).not.toThrow();
  const next = await second;
  await expect(next.query('SELECT 1')).rejects.toThrow('not queryable');
  next.release();
  expect((await single.query('SELECT 1')).rowCount).toBe(1);
});

test('the error of a statement that was sent is not taken for the lack of a connection', async () => {
  const error = await pool.query('SELECT 1/0').catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: '22012' });
  expect(hadNoConnection(error)).toBe(false);
});

test('a pool with a fallback that could open none tries again, although further statements were given up meanwhile', async () => {
  let isCut = true;
  const onOpen = async () => {
    if (isCut) throw new Error('cut');
  };
  const withFallback = openPool(
    { url: appUrl, onOpen, connectionTimeoutMillis: 30_000 },
    { hasFallback: true },
  );
  onTestFinished(() => withFallback.end());
  const refused = async () => {
    const error: unknown = await withFallback.query('SELECT 1').catch((reason) => reason);
    return hadNoConnection(new Error('PostgreSQL cannot be reached', { cause: error }));
  };
  expect([await refused(), await refused()]).toEqual([true, true]);
  isCut = false;
  await vi.waitFor(async () => expect((await withFallback.query('SELECT 1')).rowCount).toBe(1), {
    timeout: 30_000,
    interval: 100,
  });
});

test.each([false, true])(
  'after any cuts and refusals a pool has connections again (with a fallback: %s)',
  async (hasFallback) => {
    let refuses = false;
    const onOpen = async () => {
      if (refuses) throw new Error('refused');
    };
    const battered = openPool(
      { url: appUrl, onOpen, max: 3, connectionTimeoutMillis: 2_000 },
      { hasFallback },
    );
    onTestFinished(() => battered.end());
    const cut = () =>
      operator.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      );
    const steps: (() => unknown)[] = [
      () => battered.query('SELECT 1').catch(() => undefined),
      () => Promise.allSettled(Array.from({ length: 5 }, () => battered.query(SLEEP))),
      () => void battered.query(SLEEP).catch(() => undefined),
      cut,
      () => {
        refuses = !refuses;
      },
      () => new Promise((resolve) => setTimeout(resolve, 20)),
    ];
    for (let round = 0; round < 2; round += 1) {
      for (let n = 0; n < 25; n += 1) await steps[Math.floor(Math.random() * steps.length)]?.();
      refuses = false;
      await vi.waitFor(async () => expect((await battered.query('SELECT 1')).rowCount).toBe(1), {
        timeout: 30_000,
      });
      expect(new Set(await sleeps(9, battered)).size).toBeLessThanOrEqual(3);
    }
  },
  120_000,
);

test('a server that accepts connections and says nothing fails the statements of a pool with a fallback, and does not end the process', async () => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const withFallback = openPool(
    { url: `postgresql://app@127.0.0.1:${port}/app`, connectionTimeoutMillis: 600 },
    { hasFallback: true },
  );
  onTestFinished(() => void silent.close());
  // The second waits for the connection that the first one opens, and pg-pool gives it up without a `release`.
  const found = await Promise.allSettled([withFallback.query('SELECT 1'), withFallback.query('SELECT 1')]);
  expect(found.map((one) => one.status === 'rejected' && hadNoConnection(one.reason))).toEqual([true, true]);
  await vi.waitFor(() => expect([withFallback.waitingCount, withFallback.totalCount]).toEqual([0, 0]), {
    timeout: 30_000,
  });
  await withFallback.end();
});

describe.runIf(hasPgbouncer())('behind a PgBouncer', () => {
  async function behind(settings: Record<string, string>): Promise<Pool> {
    const bouncer = await startPgbouncer({ urls: [appUrl], mode: 'session', settings });
    const through = openPool({ url: bouncer.urlOf(appUrl), max: 4, connectionTimeoutMillis: 30_000 });
    onTestFinished(async () => {
      // First: a connection that still waits for a session would keep the pool from ending.
      await bouncer.stop();
      await through.end();
    });
    return through;
  }

  /** Has two connections when PgBouncer gives no third. */
  async function withTwo(settings: Record<string, string>): Promise<Pool> {
    const through = await behind(settings);
    const open = () => vi.waitFor(() => through.connect(), { timeout: 30_000 });
    const two = [await open(), await open()];
    for (const client of two) client.release();
    return through;
  }

  test('that refuses further clients, statements wait for the connections that there are', async () => {
    const through = await withTwo({ max_client_conn: '2' });
    expect(new Set(await sleeps(30, through)).size).toBe(2);
  });

  test('that takes one client, the statements that begin a pool wait for the one connection that is being opened', async () => {
    // PgBouncer forgets a client a moment after it has gone: then it takes none, and another pool has to be begun.
    await vi.waitFor(
      async () => {
        const through = await behind({ max_client_conn: '1' });
        expect(new Set(await sleeps(30, through)).size).toBe(1);
      },
      { timeout: 60_000 },
    );
  });

  test('that lets further clients wait for a session, they do so, too', async () => {
    const through = await withTwo({ default_pool_size: '2' });
    expect(new Set(await sleeps(30, through)).size).toBe(2);
  });

  test('that lets further clients wait for a session, a pool with a fallback does not wait with them', async () => {
    const bouncer = await startPgbouncer({
      urls: [appUrl],
      mode: 'session',
      settings: { default_pool_size: '1' },
    });
    const url = bouncer.urlOf(appUrl);
    const others = new Client({ connectionString: url });
    others.on('error', () => undefined);
    await others.connect();
    // PgBouncer gives a session to a client's first statement.
    await others.query('SELECT 1');
    const withFallback = openPool({ url, connectionTimeoutMillis: 600_000 }, { hasFallback: true });
    onTestFinished(async () => {
      await bouncer.stop();
      await withFallback.end();
    });
    const found = await Promise.allSettled([withFallback.query('SELECT 1'), withFallback.query('SELECT 1')]);
    found.push(...(await Promise.allSettled([withFallback.query('SELECT 1')])));
    expect(found.map((one) => one.status === 'rejected' && hadNoConnection(one.reason))).toEqual([
      true,
      true,
      true,
    ]);
    // One is still being opened, and has the session when it is free.
    await others.end();
    await vi.waitFor(async () => expect((await withFallback.query(SLEEP)).rowCount).toBe(1), {
      timeout: 30_000,
    });
    expect(new Set(await sleeps(10, withFallback)).size).toBe(1);
  });
});
