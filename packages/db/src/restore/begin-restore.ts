import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { FENCE_STEP } from './fence-step.ts';

/** A restore whose payments are being put in doubt. */
export type RestoreRecord = {
  id: number;
  startedAt: Date;
  finishedAt: Date | null;
  /** Numbers that no job gets. Null when an earlier run has left them out. */
  skippedJobs: { from: number; to: number } | null;
};

export type BeginRestoreOutcome =
  | { outcome: 'begun'; restore: RestoreRecord }
  /** No hold for all users is on. */
  | { outcome: 'not_on_hold' }
  /** Workers still hold so many postings: `hold on` has not come to its end. */
  | { outcome: 'in_hand'; postings: number }
  | { outcome: 'in_future' };

/**
 * Numbers of jobs that are left out: a million, and a thousand for each second since the backup. A job has its number from a
 * sequence, one for each payment and each delivery, and the integrator knows the payment's as `job_id`. The lost time has
 * given numbers that the restored sequence would give again, to other payments: the sequence is moved beyond all that
 * 500 payments a second with one endpoint could have used. A week of it is 600 million, so that even then `job_id` fits in 32 bits.
 */
const SKIPPED = { least: 1_000_000, perSecond: 1_000 } as const;

const CHECK = named({
  name: 'check-restore',
  values: ['since'],
  text: `
    SELECT EXISTS (SELECT FROM holds WHERE ended_at IS NULL AND user_id IS NULL) AS on_hold, :since::timestamptz > now() AS in_future,
           (SELECT count(*)::int FROM jobs WHERE kind = 'post_payment' AND lease_until IS NOT NULL) AS in_hand`,
});

const FIND = {
  name: 'find-restore',
  text: 'SELECT id, started_at, finished_at FROM restores WHERE since = $1',
};

/**
 * Writes the restore, once for each time of a backup, if the hold for all users has not ended since the check. In the same commit the jobs of the deliveries get fences that the lost time
 * cannot have reached; those of the payments get theirs together with their doubt. `setval` is not undone by a rollback:
 * then some numbers are left out in vain.
 */
const BEGIN = named({
  name: 'begin-restore',
  values: ['since', ...AUDIT_VALUES],
  text: `
    WITH hold AS MATERIALIZED (
      SELECT id FROM holds WHERE ended_at IS NULL AND user_id IS NULL FOR SHARE
    ), restore AS (
      INSERT INTO restores (since, started_by)
      SELECT :since::timestamptz, :actor FROM hold ON CONFLICT (since) DO NOTHING
      RETURNING id, started_at, finished_at
    ), raised AS (
      UPDATE jobs SET fence = fence + ${FENCE_STEP}, queued_at = NULL, lease_until = NULL FROM restore
       WHERE jobs.kind = 'deliver_webhook'
    ), ${auditCte({ from: 'restore' })}, sequence AS MATERIALIZED (
      SELECT last_value + 1 AS from,
             last_value + ${SKIPPED.least}
               + greatest(0, ceil(extract(epoch FROM now() - :since::timestamptz)))::bigint * ${SKIPPED.perSecond} AS to
        FROM jobs_id_seq, restore
    )
    SELECT restore.*, sequence.from AS "from", setval('jobs_id_seq', sequence.to) AS "to" FROM restore CROSS JOIN sequence`,
});

type Row = { id: number; started_at: Date; finished_at: Date | null };

/**
 * Begins to put the payments of a restored database in doubt, or continues an interrupted run for the same backup.
 *
 * @param input.since when the backup was taken.
 */
export async function beginRestore(
  deps: StatementDeps,
  { since, by }: { since: Date; by: Actor },
): Promise<BeginRestoreOutcome> {
  type Check = { on_hold: boolean; in_future: boolean; in_hand: number };
  const [check] = await query<Check>(deps, CHECK, CHECK.values({ since }));
  if (check === undefined) throw new Error('the server did not answer');
  if (check.in_future) return { outcome: 'in_future' };
  if (!check.on_hold) return { outcome: 'not_on_hold' };
  if (check.in_hand > 0) return { outcome: 'in_hand', postings: check.in_hand };

  const audit = auditValues({
    ...by,
    action: 'restore.begin',
    subject: `restore:${since.toISOString()}`,
    outcome: 'done',
  });
  const [begun] = await query<Row & { from: number; to: number }>(
    deps,
    BEGIN,
    BEGIN.values({ since, ...audit }),
  );
  const row = begun ?? (await query<Row>(deps, FIND, [since]))[0];
  if (row === undefined) return { outcome: 'not_on_hold' };
  const skippedJobs = begun === undefined ? null : { from: begun.from, to: begun.to };
  const { id, started_at: startedAt, finished_at: finishedAt } = row;
  return { outcome: 'begun', restore: { id, startedAt, finishedAt, skippedJobs } };
}
