import type { Database } from '../core/database.ts';

/** Runs a statement and counts the pages that it reads, from the cache or from the disk. */
export async function buffersOf(
  { database }: { database: Pick<Database, 'pool'> },
  { text, values }: { text: string; values: unknown[] },
): Promise<number> {
  const { rows } = await database.pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
  const plan = rows[0]['QUERY PLAN'][0].Plan;
  return plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
}
