import { query, type StatementDeps } from '../core/statements.ts';

/** The answer to the last try of a payment that is open and was tried, in our words. */
export type Waiting = {
  code: string;
  reason: string;
  /** How often it was tried and put off again. */
  tries: number;
  /** At the earliest; null while it is being tried. */
  nextTryAt: Date | null;
};

export type WaitingColumn = [string, string, number, string | null] | null;

/** The column that `waitingOf` reads: null when the job is gone or was not tried. The lane's circuit can delay the next try. */
export const waitingColumn = (jobId: string) => `
  (SELECT json_build_array(j.last_code, j.last_reason, j.tries,
                           CASE WHEN j.lease_until IS NULL THEN greatest(j.run_at, l.open_until) END)
     FROM jobs j JOIN lanes l ON l.id = j.lane_id WHERE j.id = ${jobId} AND j.last_code IS NOT NULL) AS waiting`;

export function waitingOf(column: WaitingColumn): Waiting | null {
  if (column === null) return null;
  const [code, reason, tries, nextTryAt] = column;
  return { code, reason, tries, nextTryAt: nextTryAt === null ? null : new Date(nextTryAt) };
}

const FIND = { name: 'find-waiting', text: `SELECT ${waitingColumn('$1::bigint')}` };

/** Reads why a job that was tried still waits; null when it has ended or was not tried. */
export async function findWaiting(
  deps: StatementDeps,
  { jobId }: { jobId: bigint },
): Promise<Waiting | null> {
  const [row] = await query<{ waiting: WaitingColumn }>(deps, FIND, [String(jobId)]);
  return waitingOf(row?.waiting ?? null);
}
