import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openEmptyDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { writeMigrations } from './migrations.fixture.ts';
import { resolveMigration } from './resolve-migration.ts';

let database: TestDatabase;
let owner: Client;
let written: ReturnType<typeof writeMigrations>;
beforeEach(async () => {
  database = await openEmptyDatabase();
  owner = new Client({ connectionString: database.url });
  await owner.connect();
  written = writeMigrations({
    '1_first': 'CREATE TABLE one (n int);',
    '2_breaks': 'CREATE TABLE two (n int); ALTER TABLE one ADD CONSTRAINT positive CHECK (n > 0);',
    '3_last': 'CREATE TABLE three (n int);',
  });
  const first = writeMigrations({ '1_first': 'CREATE TABLE one (n int);' });
  await migrate({ url: database.url, folder: first.folder });
  first.remove();
  await owner.query('INSERT INTO one VALUES (-1)');
});
afterEach(async () => {
  written.remove();
  await owner.end();
  await database.drop();
});

const again = () => migrate({ url: database.url, folder: written.folder });
const resolve = (as: 'applied' | 'rolled-back', name = '2_breaks') =>
  resolveMigration({ url: database.url, folder: written.folder, name, as });
const tables = async () =>
  (
    await owner.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE '\\_%' ORDER BY 1`,
    )
  ).rows.map(({ name }) => name);

test('a migration that fails midway leaves nothing, stops the next ones, and goes on after it is resolved', async () => {
  await expect(again()).rejects.toThrow(/The migration 2_breaks failed: .*"positive".*docs\/upgrading\.md/);
  expect(await tables()).toEqual(['one']);
  const page = readFileSync(join(import.meta.dirname, '../../../../docs/upgrading.md'), 'utf8');
  const [, reasons = ''] = /`(SELECT migration_name, logs [^`]+)`/.exec(page) ?? [];
  expect((await owner.query(reasons)).rows).toEqual([
    {
      migration_name: '2_breaks',
      logs: expect.stringContaining('constraint "positive" of relation "one" is violated'),
    },
  ]);
  await expect(again()).rejects.toThrow('2_breaks began and did not finish');
  await expect(resolve('rolled-back', '1_first')).rejects.toThrow(
    '1_first has not failed in this database, but 2_breaks has; nothing was changed',
  );

  await owner.query('DELETE FROM one');
  await resolve('rolled-back');
  expect(await again()).toEqual({ applied: ['2_breaks', '3_last'] });
  expect(await tables()).toEqual(['one', 'three', 'two']);
  await expect(resolve('rolled-back')).rejects.toThrow('2_breaks has not failed in this database;');
});

test('one that was completed by hand is resolved as applied, and is not run again', async () => {
  await expect(again()).rejects.toThrow('The migration 2_breaks failed');
  await owner.query('CREATE TABLE two_by_hand (n int)');
  await resolve('applied');
  expect(await again()).toEqual({ applied: ['3_last'] });
  expect(await tables()).toEqual(['one', 'three', 'two_by_hand']);
});

test('the command wants a name and one of both ways, and says what it did', async () => {
  await owner.query(`UPDATE _prisma_migrations SET finished_at = NULL`);
  // Without one of ours, the database would count as another program's.
  const [ours] = readdirSync(join(import.meta.dirname, '../../../../prisma/migrations'));
  await owner.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES ('ours', 'n', $1, now())`,
    [ours],
  );
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [join(import.meta.dirname, 'migrate-command.ts'), ...args], {
      env: { DATABASE_URL: database.url },
      encoding: 'utf8',
    });
  expect(run('--resolve', '1_first')).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage:') });
  expect(run('--rolled')).toMatchObject({ status: 2, stderr: expect.stringContaining('--rolled-back') });
  expect(run('--resolve', '1_first', '--applied')).toMatchObject({
    status: 1,
    stderr: '1_first is of a later version: resolve it with that version\n',
  });
  expect(run('--resolve', '1_first', '--rolled-back')).toMatchObject({
    status: 0,
    stdout: '1_first is recorded as rolled-back. Migrate again.\n',
  });
});
