import { readdir, readFile } from 'node:fs/promises';
import { openEmptyDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { prismaFiles } from './prisma-files.ts';

/** Migrations from here on are applied while processes of the version before run. */
const FIRST = '20261202';

/** The tables that the transaction has locked, of those that were there before it. */
const LOCKED = `
  SELECT c.relname AS name, bool_or(l.mode = 'AccessExclusiveLock') AS alone
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
   WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND c.relname = ANY ($1) AND l.mode <> 'AccessShareLock'
   GROUP BY 1 ORDER BY 1`;
const TABLES = `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')`;

// A statement of a running process locks its tables one after the other. It and a migration that does the same in another order would wait
// for each other: the payment is refused, or the migration fails and no other one is applied until somebody has resolved it by hand.
test('a migration that has one table for itself locks no other', async () => {
  const { url, drop } = await openEmptyDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  const names = (await readdir(prismaFiles.migrations)).filter((name) => /^\d/.test(name)).sort();
  const seen: Record<string, { name: string; alone: boolean }[]> = {};
  for (const name of names) {
    const text = await readFile(`${prismaFiles.migrations}/${name}/migration.sql`, 'utf8');
    if (name < FIRST) {
      await client.query(text);
      continue;
    }
    const before = await client.query<{ name: string }>(TABLES);
    await client.query('BEGIN');
    await client.query(text);
    seen[name] = (await client.query(LOCKED, [before.rows.map((row) => row.name)])).rows;
    await client.query('COMMIT');
  }
  await client.end();
  await drop();

  const alone = Object.entries(seen).filter(([, tables]) => tables.some((table) => table.alone));
  expect(alone.length).toBeGreaterThan(3);
  expect(alone.filter(([, tables]) => tables.length > 1)).toEqual([]);
});
