import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { openEmptyDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { migrate } from './migrate.ts';
import { recordingItsEnd, recordStage } from './migration-records.ts';
import { writeMigrations } from './migrations.fixture.ts';
import { pendingMigrations } from './pending-migrations.ts';
import { APPLICATION_NAME } from './session.ts';

const PATIENCE = { timeout: 60_000, interval: 20 };

let database: TestDatabase;
let owner: Client;
const cleanUp: (() => unknown)[] = [];
beforeEach(async () => {
  database = await openEmptyDatabase();
  cleanUp.push(() => database.drop());
  owner = new Client({ connectionString: database.url });
  await owner.connect();
  cleanUp.push(() => owner.end());
});
afterEach(async () => {
  for (const release of cleanUp.splice(0).reverse()) await release();
});

const sql = async (text: string) => (await owner.query(text)).rows;

function started(
  args: string[],
  env: Record<string, string> = {},
): { process: ChildProcess; ended: Promise<End> } {
  const process = spawn(globalThis.process.execPath, args, { env: { DATABASE_URL: database.url, ...env } });
  cleanUp.push(() => process.kill('SIGKILL'));
  let output = '';
  let saidAt = 0;
  for (const stream of [process.stdout, process.stderr])
    stream.on('data', (text) => {
      output += text;
      saidAt = performance.now();
    });
  const ended = once(process, 'close').then(
    ([code, signal]): End => ({ code, signal, output, endedAfterMs: performance.now() - saidAt }),
  );
  return { process, ended };
}
/** How it ended, and how long after its last line. */
type End = { code: number | null; signal: string | null; output: string; endedAfterMs: number };

const runsOnServer = async (like: string): Promise<number> =>
  (
    await owner.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 AND state = 'active' AND query LIKE $2`,
      [APPLICATION_NAME, like],
    )
  ).rows.length;
const isRunning = (like: string) =>
  vi.waitFor(async () => expect(await runsOnServer(like)).toBe(1), PATIENCE);
const nothingIsLeft = async () => {
  expect(await pendingMigrations({ database: { pool: owner } }, { known: [] })).toMatchObject({ failed: [] });
  expect(await runsOnServer('%')).toBe(0);
};

test('the command that is stopped ends its statement on the server, says so, and goes on the next time', async () => {
  // The second migration does not end.
  await sql(`
    CREATE FUNCTION wait_long() RETURNS event_trigger LANGUAGE plpgsql AS $$
      BEGIN IF current_query() LIKE '%audit_log%' THEN PERFORM pg_sleep(600); END IF; END $$;
    CREATE EVENT TRIGGER wait_long ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION wait_long()`);
  const command = join(import.meta.dirname, 'migrate-command.ts');
  const { process, ended } = started([command]);
  await isRunning('%audit_log%');
  process.kill('SIGTERM');
  expect(await ended).toMatchObject({
    code: 1,
    signal: null,
    output: expect.stringMatching(
      /\nSIGTERM: ending what runs on the server\nStopped while \d+_operations ran: it was rolled back\. The next `migrate` applies it\.\n$/,
    ),
  });
  await nothingIsLeft();
  await sql('DROP EVENT TRIGGER wait_long; DROP FUNCTION wait_long()');
  const { endedAfterMs, ...end } = await started([command]).ended;
  expect(end).toMatchObject({ code: 0, output: expect.stringContaining('Applied ') });
  expect(endedAfterMs).toBeLessThan(5_000);
});

test('the command goes on to its end when nobody reads what it says', async () => {
  const { process, ended } = started([join(import.meta.dirname, 'migrate-command.ts')]);
  process.stdout?.destroy();
  process.stderr?.destroy();
  expect(await ended).toMatchObject({ code: 0, signal: null, output: '' });
  expect(await pendingMigrations({ database: { pool: owner } })).toMatchObject({ pending: [], failed: [] });
});

describe('a migration that was interrupted', () => {
  const SCRIPTS = {
    '1_first': 'CREATE TABLE one (n int); CREATE TABLE slow (n int); INSERT INTO slow VALUES (1);',
    '2_slow':
      '-- It ends at once when slow is empty.\nCREATE TABLE two (n int); SELECT pg_sleep(600 * n) FROM slow -- once',
    '3_index': 'CREATE INDEX CONCURRENTLY one_n_idx ON one (n)',
    '4_last': 'CREATE TABLE four (n int);',
  };
  const names = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
  const folderUpTo = (last: keyof typeof SCRIPTS): string => {
    const upTo = names.slice(0, names.indexOf(last) + 1).map((name) => [name, SCRIPTS[name]]);
    const { folder, remove } = writeMigrations(Object.fromEntries(upTo));
    cleanUp.push(remove);
    return folder;
  };
  const lines: string[] = [];
  const migrateTo = (last: keyof typeof SCRIPTS, signal?: AbortSignal) =>
    migrate({ url: database.url, folder: folderUpTo(last), report: (line) => lines.push(line), signal });
  /** Writes the row that Prisma writes when a migration begins. */
  const begun = async (name: string) => {
    await owner.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, applied_steps_count) VALUES ($1, 'a sum', $1, now(), 0)`,
      [name],
    );
    await recordStage(owner, { name, stage: 'repeatable' });
  };
  const killed = async (last: keyof typeof SCRIPTS, like: string) => {
    const migrating = `import { migrate } from './migrate.ts'; await migrate({ url: process.env.DATABASE_URL, folder: process.env.FOLDER })`;
    const { process, ended } = started(
      ['--input-type=module', '-e', migrating.replace('./', `${import.meta.dirname}/`)],
      { FOLDER: folderUpTo(last) },
    );
    await isRunning(like);
    process.kill('SIGKILL');
    await ended;
  };
  /** An index is complete only when the transactions have ended that may not know it. */
  const indexHasToWait = async (): Promise<Client> => {
    const writer = new Client({ connectionString: database.url });
    await writer.connect();
    cleanUp.push(() => writer.end());
    await writer.query('BEGIN; INSERT INTO one VALUES (1)');
    return writer;
  };
  const indexIsValid = () =>
    sql(`SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('one_n_idx')`);
  beforeEach(async () => {
    lines.splice(0);
    await migrateTo('1_first');
  });

  test('by the end of its process was rolled back, and is applied again', async () => {
    await killed('4_last', '%pg_sleep%');
    await sql('DELETE FROM slow');
    expect(await migrateTo('4_last')).toEqual({ applied: ['2_slow', '3_index', '4_last'] });
    expect(lines).toContain('2_slow was interrupted: nothing of it counts, and it is applied again');
  });

  test('by the end of its process just after the server has committed it is recorded as applied', async () => {
    await sql('DELETE FROM slow');
    await begun('2_slow');
    await sql(recordingItsEnd(SCRIPTS['2_slow'], '2_slow'));
    expect(await migrateTo('4_last')).toEqual({ applied: ['3_index', '4_last'] });
  });

  test('when its process ends: an unfinished index is made again, a finished one is kept', async () => {
    await sql('DELETE FROM slow');
    const writer = await indexHasToWait();
    await killed('4_last', 'CREATE INDEX%');
    // The server sees it within a second or so.
    await vi.waitFor(async () => expect(await runsOnServer('CREATE INDEX%')).toBe(0), PATIENCE);
    expect(await indexIsValid()).toEqual([{ valid: false }]);
    await writer.query('COMMIT');
    expect(await migrateTo('3_index')).toEqual({ applied: ['3_index'] });
    // On a busy machine it may also report that it waits, for the writer's end.
    expect(lines.filter((line) => !line.includes(' waits for ')).slice(-3, -1)).toEqual([
      '3_index was interrupted: nothing of it counts, and it is applied again',
      'index one_n_idx is unfinished from an earlier try; it is made again',
    ]);
    expect(await indexIsValid()).toEqual([{ valid: true }]);

    await sql(`DELETE FROM _prisma_migrations WHERE migration_name = '3_index'`);
    await begun('3_index');
    expect(await migrateTo('4_last')).toEqual({ applied: ['4_last'] });
    expect(lines).toContain('3_index was interrupted: its index is complete');
  });

  test('by the end of its session needs no person either', async () => {
    const migrating = migrateTo('2_slow').catch((error: Error) => error.message);
    await isRunning('%pg_sleep%');
    await sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = '${APPLICATION_NAME}' AND query LIKE '%pg_sleep%'`,
    );
    expect(await migrating).toMatch(/^The migration 2_slow was interrupted: .*\. Migrate again: /);
    await sql('DELETE FROM slow');
    expect(await migrateTo('2_slow')).toEqual({ applied: ['2_slow'] });
  });

  test('by the end of its process before it began is applied, with nothing to resolve', async () => {
    await sql(`
      CREATE FUNCTION wait_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
      CREATE TRIGGER wait_long BEFORE UPDATE ON _prisma_migrations FOR EACH ROW WHEN (NEW.logs LIKE 'under way%') EXECUTE FUNCTION wait_long()`);
    await killed('4_last', 'UPDATE _prisma_migrations%');
    await vi.waitFor(async () => expect(await runsOnServer('UPDATE%')).toBe(0), PATIENCE);
    await sql('DROP TRIGGER wait_long ON _prisma_migrations; DELETE FROM slow');
    expect(await migrateTo('4_last')).toEqual({ applied: ['2_slow', '3_index', '4_last'] });
    expect(lines).toContain('2_slow was interrupted: nothing of it counts, and it is applied again');
  });

  test('by the end of all its sessions, while the server takes further ones, needs no person either', async () => {
    const migrating = migrateTo('2_slow').catch((error: Error) => error.message);
    await isRunning('%pg_sleep%');
    await sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '${APPLICATION_NAME}%'`,
    );
    expect(await migrating).toMatch(/^The migration 2_slow was interrupted: .*\. Migrate again: /);
    await sql('DELETE FROM slow');
    expect(await migrateTo('2_slow')).toEqual({ applied: ['2_slow'] });
  });

  test('in a statement that cannot be repeated is left to a person', async () => {
    await sql('DELETE FROM slow');
    await migrateTo('3_index');
    const { folder, remove } = writeMigrations({ ...SCRIPTS, '5_drop': 'DROP INDEX CONCURRENTLY one_n_idx' });
    cleanUp.push(remove);
    const writer = await indexHasToWait();
    const migrating = migrate({ url: database.url, folder }).catch((error: Error) => error.message);
    await isRunning('DROP INDEX%');
    expect(
      await sql(
        `SELECT logs FROM _prisma_migrations WHERE migration_name = '5_drop' AND finished_at IS NULL`,
      ),
    ).toEqual([{ logs: null }]);
    await sql(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '${APPLICATION_NAME}%'`,
    );
    expect(await migrating).toMatch(/^The migration 5_drop failed: /);
    await writer.query('COMMIT');
    await expect(migrate({ url: database.url, folder })).rejects.toThrow('5_drop began and did not finish');
  });

  test('by a stop is settled at once, an index too', async () => {
    const stopping = new AbortController();
    const migrating = migrateTo('2_slow', stopping.signal).catch((error: Error) => error.message);
    await isRunning('%pg_sleep%');
    stopping.abort();
    expect(await migrating).toMatch(/^Stopped while 2_slow ran: it was rolled back\./);
    await nothingIsLeft();

    await sql('DELETE FROM slow');
    const writer = await indexHasToWait();
    const again = new AbortController();
    const indexing = migrateTo('3_index', again.signal).catch((error: Error) => error.message);
    await isRunning('CREATE INDEX%');
    again.abort();
    expect(await indexing).toMatch(/^Stopped while 3_index ran: its index is not finished\./);
    await writer.query('COMMIT');
    await nothingIsLeft();
    expect(await migrateTo('4_last')).toEqual({ applied: ['3_index', '4_last'] });
  });

  test('by an earlier version is left to a person, because the server may have committed it', async () => {
    await begun('2_slow');
    await sql(`UPDATE _prisma_migrations SET logs = NULL WHERE migration_name = '2_slow'`);
    await expect(migrateTo('2_slow')).rejects.toThrow(
      'Nothing was migrated: 2_slow began and did not finish.',
    );
  });

  test('a process that waits for another one can be stopped', async () => {
    await sql(`SELECT pg_advisory_lock(${0x6d6967})`);
    const stopping = new AbortController();
    const waiting = migrateTo('2_slow', stopping.signal).catch((error: Error) => error.message);
    await vi.waitFor(
      () => expect(lines.some((line) => line.includes('another process migrates'))).toBe(true),
      PATIENCE,
    );
    stopping.abort();
    expect(await waiting).toBe('Stopped between two migrations. The next `migrate` goes on.');
    await sql('SELECT pg_advisory_unlock_all()');
  });
});

test.each(['CREATE TABLE one (n int); COMMIT; SELECT 1', 'BEGIN; CREATE TABLE one (n int); END'])(
  'a migration that begins or ends a transaction is refused: %s',
  async (script) => {
    const { folder, remove } = writeMigrations({ '1_own': script });
    cleanUp.push(remove);
    await expect(migrate({ url: database.url, folder })).rejects.toThrow('a migration is one transaction');
    expect(await sql(`SELECT to_regclass('one') AS one`)).toEqual([{ one: null }]);
  },
);

test('a migration in batches keeps what it has committed when it is stopped, and the next one goes on', async () => {
  const { folder, remove } = writeMigrations({
    '0_tables': `CREATE TABLE one (n int, done bool);
      INSERT INTO one SELECT n FROM generate_series(1, 5) AS n;
      CREATE TABLE slow AS SELECT 3 AS n`,
    '1_batches': `DO $$
      BEGIN
        FOR i IN 1..5 LOOP
          UPDATE one SET done = true WHERE n = i;
          COMMIT;
          PERFORM pg_sleep(600) FROM slow WHERE n = i;
        END LOOP;
      END $$;`,
    '2_last': 'CREATE TABLE two (n int)',
  });
  cleanUp.push(remove);
  const stopping = new AbortController();
  const migrating = migrate({ url: database.url, folder, signal: stopping.signal }).catch(
    (error: Error) => error.message,
  );
  await isRunning('%pg_sleep%');
  expect(await sql('SELECT n FROM one WHERE done')).toHaveLength(3);
  stopping.abort();
  expect(await migrating).toMatch(/^Stopped while 1_batches ran: a part of it is done\./);
  await nothingIsLeft();
  await sql('DELETE FROM slow');
  expect((await migrate({ url: database.url, folder })).applied).toEqual(['1_batches', '2_last']);
  expect(await sql('SELECT n FROM one WHERE done')).toHaveLength(5);
});

test('a DO block that commits is refused beside another statement', async () => {
  const { folder, remove } = writeMigrations({
    '1_batches': 'DO $$ BEGIN COMMIT; END $$; CREATE TABLE one (n int)',
  });
  cleanUp.push(remove);
  await expect(migrate({ url: database.url, folder })).rejects.toThrow('must be alone in its file');
  expect(await sql(`SELECT to_regclass('one') AS one`)).toEqual([{ one: null }]);
});
