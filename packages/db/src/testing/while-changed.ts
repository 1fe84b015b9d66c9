import type { Pool } from 'pg';
import { expect, vi } from 'vitest';

const PATIENCE = { timeout: 30_000, interval: 20 };

/**
 * Runs `work` while another transaction is changing rows, which commits once something waits for a lock of it: what waited looks at these rows again.
 *
 * @param changes the statements of the other transaction; they may leave the values as they are.
 */
export async function whileChanged<T>(
  { pool }: { pool: Pool },
  { changes, work }: { changes: readonly string[]; work: () => Promise<T> },
): Promise<T> {
  const other = await pool.connect();
  try {
    await other.query('BEGIN');
    for (const change of changes) await other.query(change);
    const done = work();
    done.catch(() => undefined);
    await vi.waitFor(async () => {
      const { rowCount } = await other.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      expect(rowCount).toBeGreaterThan(0);
    }, PATIENCE);
    await other.query('COMMIT');
    return await done;
  } finally {
    other.release();
  }
}
