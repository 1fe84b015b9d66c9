import { databaseOfFile } from './database-of-file.ts';
import type { OpenPractice } from './open-practice.ts';
import { createPractice } from './practice.ts';

/**
 * Opens one database for all tests of a file: see `databaseOfFile`.
 *
 * @returns what begins a test: it deletes all rows and creates a practice.
 */
export function practiceOfFile(): (input?: { concurrency?: number }) => Promise<OpenPractice> {
  const begin = databaseOfFile();
  return async ({ concurrency = 4 } = {}) => {
    const opened = await begin();
    return { ...(await createPractice(opened, { connection: { concurrency } })), ...opened };
  };
}
