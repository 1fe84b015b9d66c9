import { hasPgbouncer, openEmptyDatabase, startPgbouncer, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { migrate } from './migrate.ts';
import { writeMigrations } from './migrations.fixture.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };

let database: TestDatabase;
let owner: Client;
let other: Client;
const cleanUp: (() => unknown)[] = [];
async function connected(): Promise<Client> {
  const client = new Client({ connectionString: database.url, application_name: 'nightly backup' });
  await client.connect();
  cleanUp.push(() => client.end());
  return client;
}
beforeEach(async () => {
  database = await openEmptyDatabase();
  cleanUp.push(() => database.drop());
  owner = await connected();
  other = await connected();
  await migrate({ url: database.url, folder: folderOf({}) });
});
afterEach(async () => {
  for (const release of cleanUp.splice(0).reverse()) await release();
});

/** A folder of migrations that begins with the one that has been applied. */
function folderOf(scripts: Record<string, string>): string {
  const { folder, remove } = writeMigrations({ '0_table': 'CREATE TABLE one (n int)', ...scripts });
  cleanUp.push(remove);
  return folder;
}

test('a migration whose table is taken says by whom, lets the writers through, and goes on when it is free', async () => {
  const folder = folderOf({ '1_column': 'ALTER TABLE one ADD COLUMN secret_of_4711 int' });
  await other.query(`BEGIN; SELECT 'not to be told' FROM one`);
  const lines: string[] = [];
  const migrating = migrate({ url: database.url, folder, report: (line) => lines.push(line) });
  await vi.waitFor(() => expect(lines).toHaveLength(1), PATIENCE);
  expect(lines[0]).toMatch(
    /^1_column waits for one, held by pid \d+ \(role postgres, nightly backup, in a transaction for \d+ s, last statement begun \d+ s ago\)$/,
  );
  // It comes through while the reader goes on: the migration does not stand in front of it for longer than a try.
  await owner.query(`SET lock_timeout = '20 s'; INSERT INTO one VALUES (1)`);
  await other.query('COMMIT');
  expect(await migrating).toEqual({ applied: ['1_column'] });
});

test('it gives up in time, says who has the table, and needs not be resolved', async () => {
  const folder = folderOf({ '1_column': 'ALTER TABLE one ADD COLUMN m int' });
  await other.query('BEGIN; SELECT FROM one');
  await expect(migrate({ url: database.url, folder, lockWaitMs: 500 })).rejects.toThrow(
    /^1_column found its locks taken for 1 s: one, held by pid \d+ .*nightly backup.* Nothing was changed; end that, and migrate again\.$/,
  );
  await other.query('COMMIT');
  expect(await migrate({ url: database.url, folder })).toEqual({ applied: ['1_column'] });
});

test('a second process says which one it waits for', async () => {
  const folder = folderOf({ '1_column': 'ALTER TABLE one ADD COLUMN m int' });
  await other.query('SELECT pg_advisory_lock($1)', [0x6d6967]);
  const lines: string[] = [];
  const migrating = migrate({ url: database.url, folder, report: (line) => lines.push(line) });
  await vi.waitFor(() => expect(lines).toHaveLength(1), PATIENCE);
  expect(lines[0]).toMatch(
    /^another process migrates, pid \d+ \(role postgres\) for \d+ s; this one waits for it$/,
  );
  await other.query('SELECT pg_advisory_unlock_all()');
  expect(await migrating).toEqual({ applied: ['1_column'] });
});

test('of a process that is frozen, its engine’s session too is waited for, and named', async () => {
  const folder = folderOf({ '1_column': 'ALTER TABLE one ADD COLUMN m int' });
  await other.query('SELECT pg_advisory_lock(72707369)');
  const { rows } = await other.query('SELECT pg_backend_pid() AS pid');
  const lines: string[] = [];
  const migrating = migrate({ url: database.url, folder, report: (line) => lines.push(line) });
  await vi.waitFor(() => expect(lines).toHaveLength(1), PATIENCE);
  expect(lines[0]).toContain(`another process migrates, pid ${rows[0].pid} `);
  await other.query('SELECT pg_advisory_unlock_all()');
  expect(await migrating).toEqual({ applied: ['1_column'] });
});

test.runIf(hasPgbouncer()).each(['1', '2'])(
  'a pooler that gives it no more than %s sessions is named as the reason',
  async (sessions) => {
    const settings = { default_pool_size: sessions };
    const bouncer = await startPgbouncer({ urls: [database.url], mode: 'session', settings });
    cleanUp.push(() => bouncer.stop());
    const folder = folderOf({ '1_column': 'ALTER TABLE one ADD COLUMN m int' });
    await expect(migrate({ url: bouncer.urlOf(database.url), folder })).rejects.toThrow(
      /^Migrating needs three connections at once, and got fewer: .*default_pool_size/,
    );
  },
);

test('the server gives up the sessions of a machine that has vanished, within half a minute', async () => {
  const folder = folderOf({
    '1_settings': `CREATE TABLE settings AS SELECT current_setting('tcp_keepalives_idle')::int + current_setting('tcp_keepalives_interval')::int * current_setting('tcp_keepalives_count')::int AS seconds`,
  });
  await migrate({ url: database.url, folder });
  expect((await other.query('SELECT seconds FROM settings')).rows).toEqual([{ seconds: 25 }]);
});

test('time-outs of the role or the database do not end a migration', async () => {
  const name = new URL(database.url).pathname.slice(1);
  for (const setting of ['statement_timeout', 'idle_session_timeout', 'lock_timeout'])
    await owner.query(`ALTER DATABASE ${name} SET ${setting} = '200ms'`);
  const folder = folderOf({ '1_slow': 'SELECT pg_sleep(0.6)', '2_next': 'CREATE TABLE two (n int)' });
  expect(await migrate({ url: database.url, folder })).toEqual({ applied: ['1_slow', '2_next'] });
});

test('a database of a later version is left alone', async () => {
  const later = folderOf({ '1_known': 'SELECT 1', '2_later': 'CREATE TABLE two (n int)' });
  await migrate({ url: database.url, folder: later });
  const mine = folderOf({ '1_known': 'SELECT 1', '1_mine': 'CREATE TABLE three (n int)' });
  await expect(migrate({ url: database.url, folder: mine })).rejects.toThrow(
    /^Nothing was migrated: the database is of a later version, with 2_later, which this version does not know\./,
  );
  const { rows } = await owner.query(`SELECT to_regclass('three') AS three`);
  expect(rows).toEqual([{ three: null }]);
});
