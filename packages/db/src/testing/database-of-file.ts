import { afterAll, beforeAll, vi } from 'vitest';
import type { Database } from '../core/database.ts';
import { type OpenedDatabase, openOwnDatabase } from './open-practice.ts';

/** The records of Prisma and of the queue about what has been migrated stay. */
const KEPT = `relname NOT IN ('_prisma_migrations', 'migration')`;

/** Tables of ours and of the queue that have, or had, a row. Most never have one, and their size says so without a look into them. */
const WRITTEN = `
  SELECT oid::regclass AS name FROM pg_class
  WHERE relnamespace IN ('public'::regnamespace, 'bullmq'::regnamespace) AND relkind = 'r' AND pg_relation_size(oid) > 0 AND ${KEPT}`;

/**
 * Deletes the rows of all these tables. Triggers and foreign keys would forbid it for some: a replica's session passes over them. The audit
 * log's trigger is not passed over, so it is off meanwhile.
 */
const EMPTY = `
  BEGIN;
  SET LOCAL session_replication_role = replica;
  SET LOCAL lock_timeout = '30s';
  DO $$
  DECLARE
    written regclass;
  BEGIN
    FOR written IN ${WRITTEN} AND relname <> 'audit_log' LOOP
      EXECUTE format('DELETE FROM %s', written);
    END LOOP;
    IF EXISTS (SELECT FROM audit_log) THEN
      ALTER TABLE audit_log DISABLE TRIGGER audit_log_is_append_only;
      DELETE FROM audit_log;
      ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_log_is_append_only;
    END IF;
  END $$;
  COMMIT`;

/** A hash that changes with the structure of the database: migrations, schemas, tables and indexes, columns, constraints, triggers, functions, settings. */
const STRUCTURE = `
  SELECT md5(concat_ws('/',
    (SELECT string_agg(migration_name, ',' ORDER BY migration_name) FROM _prisma_migrations),
    (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'),
    (SELECT string_agg(concat_ws(' ', relname, relkind, relpersistence, reloptions, relacl), ',' ORDER BY relname)
       FROM pg_class WHERE relnamespace = 'public'::regnamespace),
    (SELECT string_agg(concat_ws(' ', attrelid, attname, atttypid, attnotnull, atthasdef), ',' ORDER BY attrelid, attnum)
       FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace),
    (SELECT string_agg(concat_ws(' ', conname, convalidated), ',' ORDER BY conrelid, conname)
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
    (SELECT string_agg(concat_ws(' ', tgname, tgenabled), ',' ORDER BY tgrelid, tgname) FROM pg_trigger WHERE NOT tgisinternal),
    (SELECT string_agg(prosrc, ',' ORDER BY proname, oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
    (SELECT string_agg(setconfig::text, ',' ORDER BY setrole) FROM pg_db_role_setting
       JOIN pg_database ON pg_database.oid = setdatabase WHERE datname = current_database())
  )) AS structure`;

/** Sessions that the test before opened itself, and those of the file's pools that still run something for it. */
const LEFT_OPEN = `
  SELECT concat_ws(' ', quote_literal(application_name), state, left(query, 100)) AS session FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND (state <> 'idle' OR application_name !~ '^test( owner)?( sets| turns)?$')`;

const column = async ({ pool }: Pick<Database, 'pool'>, text: string): Promise<string[]> => {
  const { rows } = await pool.query<[string]>({ text, rowMode: 'array' });
  return rows.map(([value]) => value);
};

/**
 * Opens one database for all tests of a file, which has the rows of one test at a time: to copy a database costs more processor time
 * than most tests. Ids go on from test to test. A test ends what it starts (workers, pools, connections) and undoes what it changes of
 * the tables' structure; otherwise the next test, or the file, fails.
 *
 * @returns what begins a test: it deletes all rows. Its `close` does nothing, because the database is dropped after the last test.
 */
export function databaseOfFile(): () => Promise<OpenedDatabase> {
  let opened: OpenedDatabase | undefined;
  let structure: string[] = [];
  beforeAll(async () => {
    opened = await openOwnDatabase();
    structure = await column(opened.owner, STRUCTURE);
    const written = await column(opened.owner, WRITTEN);
    if (written.length > 0) {
      throw new Error(
        `migrations wrote rows into ${written}: databaseOfFile has to write them for each test`,
      );
    }
  });
  afterAll(async () => {
    if (opened === undefined) return;
    const left = await column(opened.owner, STRUCTURE);
    await opened.close();
    if (left.join() !== structure.join()) {
      throw new Error(
        'a test of this file changed the structure of the database: it needs a database of its own',
      );
    }
  });
  return async () => {
    if (opened === undefined) throw new Error('the database of the file has not been opened');
    const { owner } = opened;
    await vi.waitFor(
      async () => {
        const sessions = await column(owner, LEFT_OPEN);
        if (sessions.length > 0) throw new Error(`the test before has not closed: ${sessions.join(', ')}`);
      },
      { timeout: 30_000, interval: 20 },
    );
    await owner.pool.query(EMPTY);
    return { ...opened, close: async () => undefined };
  };
}
