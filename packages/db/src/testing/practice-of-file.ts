import { afterAll, beforeAll } from 'vitest';
import { type OpenedDatabase, type OpenPractice, openOwnDatabase } from './open-practice.ts';
import { createPractice } from './practice.ts';

/**
 * Deletes the rows of all our tables but the audit log, which refuses it. Triggers and foreign keys would forbid it for others, too; the size
 * skips the many tables that never had a row.
 */
const EMPTY = `
  BEGIN;
  SET LOCAL session_replication_role = replica;
  DO $$
  DECLARE
    written regclass;
  BEGIN
    FOR written IN
      SELECT oid FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
        AND relname NOT IN ('_prisma_migrations', 'audit_log')
    LOOP
      EXECUTE format('DELETE FROM %s', written);
    END LOOP;
  END $$;
  COMMIT`;

/**
 * Opens one database for all tests of a file, which has the rows of one test at a time. To copy a database costs more processor time than
 * most tests. Ids go on from test to test. Not for tests that change a table's structure, count the
 * entries of the audit log, or need the rows that migrations write.
 *
 * @returns what begins a test: it deletes all rows and creates a practice.
 */
export function practiceOfFile(): (input?: { concurrency?: number }) => Promise<OpenPractice> {
  let opened: OpenedDatabase | undefined;
  beforeAll(async () => {
    opened = await openOwnDatabase();
  });
  afterAll(() => opened?.close());
  return async ({ concurrency = 4 } = {}) => {
    if (opened === undefined) throw new Error('the database of the file has not been opened');
    await opened.owner.pool.query(EMPTY);
    return { ...(await createPractice(opened, { connection: { concurrency } })), ...opened };
  };
}
