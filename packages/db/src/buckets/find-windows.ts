import { query, type StatementDeps } from '../core/statements.ts';
import type { LimitWindow } from './pace.ts';

const FIND = {
  name: 'find-bucket-windows',
  text: 'SELECT w.calls, w.per_ms AS "perMs" FROM rate_buckets b, unnest(b.calls, b.per_ms) w(calls, per_ms) WHERE b.key = $1 ORDER BY w.per_ms DESC',
};

/** Finds the windows that hold for a bucket, the longest first. undefined: none are stored, and those of its connections will hold. */
export async function findWindows(
  deps: StatementDeps,
  { key }: { key: string },
): Promise<readonly LimitWindow[] | undefined> {
  const windows = await query<LimitWindow>(deps, FIND, [key]);
  return windows.length === 0 ? undefined : windows;
}
