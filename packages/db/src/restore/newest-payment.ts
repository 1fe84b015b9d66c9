import { query, type StatementDeps } from '../core/statements.ts';

/** Ids are UUIDs of version 7, which begin with the time: the primary key finds the newest one. */
const NEWEST = { name: 'newest-payment', text: 'SELECT created_at FROM payments ORDER BY id DESC LIMIT 1' };

/** Returns when the newest payment was accepted; null when there is none. */
export async function newestPayment(deps: StatementDeps): Promise<Date | null> {
  const [row] = await query<{ created_at: Date }>(deps, NEWEST, []);
  return row?.created_at ?? null;
}
