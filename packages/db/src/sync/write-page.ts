import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import { ADD_CHANGES, JUDGE_VALUES, judgeMrns } from './judge-mrns.ts';
import { noteProgress, type StepEnd, stepOfRun } from './step-of-run.ts';

/** One record of the EMR's list. `into`: of a merged one, the record that it is part of now; null where the EMR does not say. */
export type SeenPatient = {
  mrn: string | null;
  emrPatientId: string;
  state: 'active' | 'closed' | 'merged';
  into: string | null;
};

export type SyncPage = {
  claim: Claim;
  kind: 'full' | 'incremental';
  patients: readonly SeenPatient[];
  /** Rows that could not be read. */
  unreadable: number;
  /** Where the next page begins; null after the last one. */
  next: string | null;
  watermark: string | null;
};

/** A record that a page repeats, because the list has shifted meanwhile, counts once: its latest state is the true one. */
const SEE = named({
  name: 'see-patients',
  values: ['runId', 'ids', 'mrns', 'states', 'intos'],
  text: `
    WITH seen AS (
      INSERT INTO sync_seen AS s (run_id, emr_patient_id, mrn, state, into_id)
      SELECT :runId::bigint, id, mrn, state, into_id
        FROM unnest(:ids::text[], :mrns::text[], :states::text[], :intos::text[]) AS given (id, mrn, state, into_id)
      ON CONFLICT (run_id, emr_patient_id) DO UPDATE SET mrn = excluded.mrn, state = excluded.state, into_id = excluded.into_id
      RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new)::int AS seen FROM seen`,
});

const WRITE = named({
  name: 'write-sync-page',
  values: [...JUDGE_VALUES, 'mrns', 'seen', 'unreadable', 'next', 'watermark'],
  text: `
    WITH ${judgeMrns('SELECT DISTINCT mrn FROM unnest(:mrns::text[]) AS given (mrn) WHERE mrn IS NOT NULL')}
    UPDATE sync_runs r
       SET pages = r.pages + 1, seen = r.seen + :seen::int, unreadable = r.unreadable + :unreadable::int, ${ADD_CHANGES},
           cursor = :next, watermark = :watermark, phase = CASE WHEN :next::text IS NULL THEN 'settle' ELSE r.phase END
      FROM changes WHERE r.id = :runId::bigint`,
});

/**
 * Writes one page of a run and where the next one begins, in one commit. Of one record that the page has twice, the last counts.
 */
export async function writeSyncPage(
  deps: { database: Pick<Database, 'pool'> },
  { claim, kind, patients, unreadable, next, watermark }: SyncPage,
): Promise<StepEnd<null>> {
  const records = [...new Map(patients.map((patient) => [patient.emrPatientId, patient])).values()];
  const mrns = records.map(({ mrn }) => mrn);
  return stepOfRun(deps, { claim }, async (tx, { runId, userId }) => {
    const [row] = await query<{ seen: number }>(
      tx,
      SEE,
      SEE.values({
        runId,
        ids: records.map(({ emrPatientId }) => emrPatientId),
        mrns,
        states: records.map(({ state }) => state),
        intos: records.map(({ into }) => into),
      }),
    );
    const facts = { settled: false, complete: false, incremental: kind === 'incremental' };
    const seen = row?.seen ?? 0;
    const values = WRITE.values({ runId, userId, ...facts, mrns, seen, unreadable, next, watermark });
    await query(tx, WRITE, values);
    await noteProgress(tx, { claim });
    return null;
  });
}
