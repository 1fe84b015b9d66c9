import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { type Client, type ClientConfig, Client as OwnClient, Pool } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type PostgresOptions, postgresClient, postgresConfig } from './postgres-client.ts';

let server: TestDatabase;
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  server = await openTestDatabase();
});
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await server.drop();
});

/** The URL of the test database behind a host that refuses connections, or another one. */
function behindDead(first = '127.0.0.1:1'): string {
  const { host } = new URL(server.url);
  return server.url.replace(`@${host}/`, `@${first},${host}/`);
}

/** A host that takes connections and does this with them. */
async function hostThat(does: (socket: Socket) => void): Promise<string> {
  const host = createServer(does).listen(0, '127.0.0.1');
  await once(host, 'listening');
  closing.push(async () => host.close());
  return `127.0.0.1:${(host.address() as AddressInfo).port}`;
}

async function connected(options: PostgresOptions): Promise<Client> {
  const client = postgresClient(options);
  client.on('error', () => undefined);
  closing.push(() => client.end());
  await client.connect();
  return client;
}

const show = async (client: Pick<Client, 'query'>, name: string): Promise<unknown> =>
  (await client.query(`SHOW ${name}`)).rows[0][name];

test('a host that refuses connections is passed over, by a connection and by a pool', async () => {
  const unhurried = { url: behindDead(), connectionTimeoutMillis: 30_000 };
  const client = await connected({ ...unhurried, settings: { statement_timeout: 4000 } });
  expect(await show(client, 'statement_timeout')).toBe('4s');
  const pool = new Pool(postgresConfig({ ...unhurried, max: 3, pipeline: true, settings: { jit: 'off' } }));
  closing.push(() => pool.end());
  const three = await Promise.all([1, 2, 3].map(() => pool.connect()));
  for (const one of three) expect(await show(one, 'jit')).toBe('off');
  for (const one of three) one.release();
});

test('a host that refuses connections leaves its time to the next one', async () => {
  const { hostname, port } = new URL(server.url);
  const slow = await hostThat((socket) => {
    const late = setTimeout(() => socket.pipe(connect(Number(port), hostname)).pipe(socket), 6_500);
    socket.on('error', () => undefined).on('close', () => clearTimeout(late));
  });
  const url = server.url.replace(`@${hostname}:${port}/`, `@127.0.0.1:1,${slow}/`);
  const client = await connected({ url, connectionTimeoutMillis: 12_000 });
  expect(await show(client, 'transaction_read_only')).toBe('off');
});

test('a host that closes the connection is passed over without an end of the client', async () => {
  const client = postgresClient({ url: behindDead(await hostThat((socket) => socket.end())) });
  const ends: string[] = [];
  client.on('end', () => ends.push('end'));
  await client.connect();
  expect(ends).toEqual([]);
  await client.end();
  await vi.waitFor(() => expect(ends).toEqual(['end']), { timeout: 30_000 });
});

test('a client that is ended while it connects to one host does not go on to the next', async () => {
  const silent = await hostThat(() => undefined);
  const client = postgresClient({ url: behindDead(silent), connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  const outcome = client.connect().then(
    () => 'connected',
    () => 'not connected',
  );
  await client.end();
  expect(await outcome).toBe('not connected');
});

test('settings are those of the operator, and ours win', async () => {
  const url = new URL(server.url);
  url.searchParams.set('options', '-c work_mem=5MB -c jit=on');
  const client = await connected({ url: url.href, settings: { jit: 'off' } });
  expect(await show(client, 'work_mem')).toBe('5MB');
  expect(await show(client, 'jit')).toBe('off');
});

test('where no host takes writes, the error says what is wrong with each, without the password', async () => {
  const { password } = new URL(server.url);
  const own = await openTestDatabase();
  closing.push(() => own.drop());
  const owner = await connected({ url: own.url });
  await owner.query(
    `ALTER DATABASE "${new URL(own.url).pathname.slice(1)}" SET default_transaction_read_only = on`,
  );
  const { host } = new URL(own.url);
  const client = postgresClient({ url: own.url.replace(`@${host}/`, `@127.0.0.1:1,${host}/`) });
  const error = (await client.connect().catch((failure: unknown) => failure)) as Error & { code: string };
  expect(error).toMatchObject({ code: '25006' });
  expect(error.message).toContain('127.0.0.1:1: connect ECONNREFUSED');
  expect(error.message).toContain(`${host}: read-only`);
  expect(error.message).not.toContain(password);
  // A single host is not asked, so that readiness can say what is wrong with it.
  await connected({ url: own.url });
});

test('a wrong password ends the search, as with libpq', async () => {
  const client = postgresClient({ url: behindDead().replace(/:\/\/[^@]*@/, '://nobody:wrong@') });
  await expect(client.connect()).rejects.toMatchObject({ code: expect.stringMatching(/^28/) });
});

test('a password function is asked for each host', async () => {
  const asked: string[] = [];
  // Asks for the password in clear, and is then a server that is starting.
  const starting = await hostThat((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]));
      socket.once('data', (message) => {
        asked.push(message.toString('utf8', 5, message.length - 1));
        const fields = Buffer.from('SFATAL\0C57P03\0Mthe database system is starting up\0\0');
        const head = Buffer.from([0x45, 0, 0, 0, 4 + fields.length]);
        socket.end(Buffer.concat([head, fields]));
      });
    });
  });
  const { host, port, username, password } = new URL(server.url);
  const url = behindDead(starting).replace(/:\/\/[^@]*@/, `://${username}@`);
  expect(url).toContain(`@${starting},${host}/`);
  const passwords = async (of: { port?: number }) =>
    of.port === Number(port) ? password : 'of the first host';
  const client = await connected({ url, password: passwords as unknown as () => Promise<string> });
  expect(asked).toEqual(['of the first host']);
  expect(await show(client, 'port')).toBe(port);
  // A pool hides the password of its options, too.
  const pool = new Pool(
    postgresConfig({ url, max: 1, password: passwords as unknown as () => Promise<string> }),
  );
  closing.push(() => pool.end());
  expect((await pool.query('SHOW port')).rows).toEqual([{ port }]);
});

test('a closed session whose process id another process has by now is not waited for', async () => {
  const walsender = new OwnClient({ connectionString: server.url, replication: 'database' } as ClientConfig);
  walsender.on('error', () => undefined);
  await walsender.connect();
  closing.push(() => walsender.end());
  const { rows } = await walsender.query('SELECT pg_backend_pid() AS pid, pg_current_wal_flush_lsn() AS lsn');
  const [{ pid, lsn }] = rows;
  const watch = await connected({ url: server.url });
  walsender.query(`START_REPLICATION PHYSICAL ${lsn}`).catch(() => undefined);
  await vi.waitFor(
    async () =>
      expect((await watch.query('SELECT state FROM pg_stat_activity WHERE pid = $1', [pid])).rows).toEqual([
        { state: 'active' },
      ]),
    { timeout: 20_000 },
  );

  // The first connection takes its process id to be that of the walsender.
  let first = true;
  const pool = new Pool(
    postgresConfig({
      url: server.url,
      max: 1,
      extend: (base) =>
        class extends base {
          // biome-ignore lint/suspicious/noExplicitAny: pg's own type is a union of many.
          override query(...args: any[]): any {
            type Result = { rows: object[] };
            const result = (super.query as (...args: unknown[]) => Promise<Result[]>)(...args);
            if (!first) return result;
            first = false;
            // The settings, and the state of the session at last.
            return result.then((each) =>
              each.map((one) => ({ ...one, rows: one.rows.map((row) => ({ ...row, pid })) })),
            );
          }
        },
    }),
  );
  closing.push(() => pool.end());
  const one = await pool.connect();
  one.release(true);
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('a session that cannot be set up is closed', async () => {
  const application_name = 'not set up';
  const pool = new Pool(
    postgresConfig({ url: server.url, max: 2, application_name, settings: { jit: 'perhaps' } }),
  );
  pool.on('error', () => undefined);
  closing.push(() => pool.end());
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '22023' });
  const watch = await connected({ url: server.url });
  const open = `SELECT FROM pg_stat_activity WHERE application_name = '${application_name}'`;
  await vi.waitFor(async () => expect((await watch.query(open)).rowCount).toBe(0), { timeout: 20_000 });
});

test('a pool has no more statements on the server than connections, also when it gives up waiting for some', async () => {
  const application_name = 'bounded pool';
  const pool = new Pool(
    postgresConfig({
      url: server.url,
      max: 2,
      query_timeout: 300,
      application_name,
      connectionTimeoutMillis: 3000,
    }),
  );
  pool.on('error', () => undefined);
  closing.push(() => pool.end());
  const watch = await connected({ url: server.url });
  const sessions = async () =>
    (await watch.query('SELECT pid FROM pg_stat_activity WHERE application_name = $1', [application_name]))
      .rowCount;
  await watch.query('SELECT pg_advisory_lock(77)');
  const ends: string[] = [];
  for (let round = 0; round < 3; round += 1) {
    const tries = [1, 2, 3].map(() => pool.query('SELECT pg_advisory_lock(77), pg_advisory_unlock(77)'));
    for (const end of await Promise.allSettled(tries))
      if (end.status === 'rejected') ends.push(end.reason.message);
    expect(await sessions()).toBeLessThanOrEqual(2);
  }
  expect(ends.filter((message) => /given up still run/.test(message)).length).toBeGreaterThan(0);
  await watch.query('SELECT pg_advisory_unlock(77)');
  await vi.waitFor(async () => expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]), {
    timeout: 20_000,
  });
}, 60_000);

test('a session that ends its statement a moment after it was closed keeps nobody out', async () => {
  const pool = new Pool(postgresConfig({ url: server.url, max: 1, application_name: 'closed a moment ago' }));
  pool.on('error', () => undefined);
  closing.push(() => pool.end());
  const first = await pool.connect();
  const unheard = first.query('SELECT pg_sleep(0.05)').catch(() => undefined);
  first.release(true);
  await unheard;
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('values are written as our statements read them, whatever the role has of its own', async () => {
  const url = new URL(server.url);
  const theirs = 'datestyle=SQL,DMY intervalstyle=sql_standard bytea_output=escape extra_float_digits=-10';
  const more =
    'standard_conforming_strings=off default_transaction_isolation=serializable timezone=America/New_York';
  const options = `${theirs} ${more}`.split(' ').map((each) => `-c ${each}`);
  url.searchParams.set('options', options.join(' '));
  const client = await connected({ url: url.href });
  const { rows } = await client.query(
    `SELECT date '2026-06-15'::text AS day, interval '1 day 2 hours'::text AS span, 1750000000.123456::float8::text AS time,
            (timestamptz '2027-03-14T00:00Z' + interval '1 day')::text AS "nextDay"`,
  );
  expect(rows).toEqual([
    {
      day: '2026-06-15',
      span: '1 day 02:00:00',
      time: '1750000000.123456',
      nextDay: '2027-03-15 00:00:00+00',
    },
  ]);
  expect(await show(client, 'transaction_isolation')).toBe('read committed');
});
