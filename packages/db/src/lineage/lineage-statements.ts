import { SYSTEM } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { LineageState, LossDoubt } from './decide-lineage.ts';

/** The number by which `xmin` names the current transaction. Every statement that writes the row writes it down too. */
const WRITER = 'pg_current_xact_id()::xid::text';

/** While a server recovers it has no identity of its own yet. */
const READ = {
  name: 'read-lineage',
  text: `
    SELECT CASE WHEN pg_is_in_recovery() THEN NULL ELSE cluster_identity() END AS cluster,
           l.installation, l.cluster AS known, l.mark, l.doubt, l.writer <> l.xmin::text AS loaded,
           EXISTS (SELECT FROM holds WHERE ended_at IS NULL AND user_id IS NULL) AS on_hold
      FROM (SELECT) one LEFT JOIN lineage l ON true`,
};

type Row = {
  cluster: string | null;
  installation: string | null;
  known: string;
  mark: number;
  doubt: LossDoubt | null;
  /** null: nothing has written the row since the column exists. */
  loaded: boolean | null;
  on_hold: boolean;
};

/** @returns null while the server recovers; otherwise its state, and whether posting is on hold for all users. */
export async function readLineage(deps: StatementDeps): Promise<(LineageState & { onHold: boolean }) | null> {
  const [row] = await query<Row>(deps, READ, []);
  if (row === undefined || row.cluster === null) return null;
  const { cluster, installation, known, mark, doubt, loaded, on_hold: onHold } = row;
  return {
    cluster,
    row:
      installation === null ? null : { installation, cluster: known, mark, loaded: loaded === true, doubt },
    onHold,
  };
}

const BEGIN = {
  name: 'begin-lineage',
  text: `INSERT INTO lineage (installation, cluster, writer) VALUES (gen_random_uuid(), $1, ${WRITER}) ON CONFLICT DO NOTHING`,
};

export async function beginLineage(deps: StatementDeps, { cluster }: { cluster: string }): Promise<void> {
  await query(deps, BEGIN, [cluster]);
}

const ADOPT = {
  name: 'adopt-cluster',
  text: `UPDATE lineage SET cluster = $2, writer = ${WRITER} WHERE cluster = $1 AND doubted_at IS NULL`,
};

/** Writes down that the service runs on another server now, which has lost nothing. */
export async function adoptCluster(
  deps: StatementDeps,
  { from, to }: { from: string; to: string },
): Promise<void> {
  await query(deps, ADOPT, [from, to]);
}

const ADVANCE = {
  name: 'advance-mark',
  text: `UPDATE lineage SET mark = mark + 1, writer = ${WRITER} WHERE doubted_at IS NULL AND cluster = $1 RETURNING mark`,
};

/** Raises the mark by one. @returns it, once it is committed; null while loss is in doubt. */
export async function advanceMark(
  deps: StatementDeps,
  { cluster }: { cluster: string },
): Promise<number | null> {
  const [row] = await query<{ mark: number }>(deps, ADVANCE, [cluster]);
  return row?.mark ?? null;
}

/** Numbers of jobs that are left out when loss is noticed: the lost time has given them, and integrators know them as `job_id`. */
const SKIPPED_JOBS = 1_000_000;

/**
 * A database that has no row any more gets one. `setval` is not undone by a rollback: then some numbers are left out in vain.
 */
const DOUBT = named({
  name: 'doubt-lineage',
  values: ['installation', 'cluster', 'doubt', 'witness', ...AUDIT_VALUES],
  text: `
    WITH doubted AS (
      INSERT INTO lineage (installation, cluster, doubted_at, doubt, witnessed, writer)
      VALUES (coalesce(:installation::uuid, gen_random_uuid()), :cluster, now(), :doubt, :witness::bigint, ${WRITER})
      ON CONFLICT (id) DO UPDATE SET doubted_at = now(), doubt = excluded.doubt, witnessed = excluded.witnessed, writer = excluded.writer
        WHERE lineage.doubted_at IS NULL
      RETURNING id
    ), ${auditCte({ from: 'doubted' })}, sequence AS MATERIALIZED (
      SELECT last_value + ${SKIPPED_JOBS} AS next FROM jobs_id_seq, doubted
    )
    SELECT setval('jobs_id_seq', next) FROM sequence`,
});

/** Writes down that commits may have been lost. Until somebody has decided, the hold for all users cannot be ended. */
export async function doubtLineage(
  deps: StatementDeps,
  input: { installation: string | null; cluster: string; doubt: LossDoubt; witness: number | null },
): Promise<void> {
  const audit = auditValues({
    ...SYSTEM,
    action: 'lineage.doubt',
    subject: 'lineage:database',
    outcome: 'done',
    detail: { doubt: input.doubt },
  });
  await query(deps, DOUBT, DOUBT.values({ ...input, ...audit }));
}

/**
 * By how much a decision raises the mark beyond the highest one that was witnessed: a process that was frozen since may know a few
 * more. They are raised once a second by each worker.
 */
const MARK_STEP = 1_000_000;

/**
 * The SET of an UPDATE of `lineage` when somebody has decided: from then on what the database has is what counts, and no mark of the lost time is
 * higher than its own.
 */
export const DECIDED = `cluster = cluster_identity(), mark = greatest(mark, coalesce(witnessed, 0)) + ${MARK_STEP},
             doubted_at = NULL, doubt = NULL, witnessed = NULL, writer = ${WRITER}`;

const IN_DOUBT = {
  name: 'lineage-in-doubt',
  text: 'SELECT doubted_at AS since, doubt FROM lineage WHERE doubted_at IS NOT NULL',
};

/** @returns since when it is undecided whether commits were lost, and why; null when it is not. */
export async function findLossInDoubt(
  deps: StatementDeps,
): Promise<{ since: Date; doubt: LossDoubt } | null> {
  const [row] = await query<{ since: Date; doubt: LossDoubt }>(deps, IN_DOUBT, []);
  return row ?? null;
}
