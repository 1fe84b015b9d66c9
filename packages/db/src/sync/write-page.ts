import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Claim } from '../jobs/renew-leases.ts';
import { forgetNoes } from '../lookups/forget-noes.ts';
import { ADD_CHANGES, JUDGE_VALUES, judgeMrns } from './judge-mrns.ts';
import { noteProgress, type StepEnd, stepOfRun } from './step-of-run.ts';

/** One record of the EMR's list, under one of its MRNs: one with several is listed once for each, one after the other. `into`: of a merged one, the record that it is part of now; null where the EMR does not say. */
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

/** A record that a page repeats, because the list has shifted meanwhile, counts once: its latest MRNs and state are the true ones. */
const SEE = named({
  name: 'see-patients',
  values: ['runId', 'ids', 'mrns', 'states', 'intos'],
  text: `
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest(:ids::text[], :mrns::text[], :states::text[], :intos::text[]) AS given (id, mrn, state, into_id)
    ), gone AS (
      DELETE FROM sync_seen s
       WHERE s.run_id = :runId::bigint AND s.emr_patient_id = ANY (:ids::text[])
         AND NOT EXISTS (SELECT FROM given WHERE given.id = s.emr_patient_id AND given.mrn = s.mrn)
    ), written AS (
      INSERT INTO sync_seen (run_id, emr_patient_id, mrn, state, into_id)
      SELECT :runId::bigint, id, mrn, state, into_id FROM given
      ON CONFLICT (run_id, emr_patient_id, mrn) DO UPDATE SET state = excluded.state, into_id = excluded.into_id
    )
    SELECT count(DISTINCT id)::int AS seen FROM given
     WHERE NOT EXISTS (SELECT FROM sync_seen s WHERE s.run_id = :runId::bigint AND s.emr_patient_id = given.id)`,
});

const WRITE = named({
  name: 'write-sync-page',
  values: [...JUDGE_VALUES, 'mrns', 'seen', 'unreadable', 'next', 'watermark'],
  text: `
    WITH ${judgeMrns("SELECT DISTINCT mrn FROM unnest(:mrns::text[]) AS given (mrn) WHERE mrn <> ''")}
    UPDATE sync_runs r
       SET pages = r.pages + 1, seen = r.seen + :seen::int, unreadable = r.unreadable + :unreadable::int, ${ADD_CHANGES},
           cursor = :next, watermark = :watermark, phase = CASE WHEN :next::text IS NULL THEN 'settle' ELSE r.phase END
      FROM changes WHERE r.id = :runId::bigint`,
});

/** The rows of a page, by MRN; '' is none. Of a record that the page has twice, the rows of its last place count. */
function rowsOf(patients: readonly SeenPatient[]): (SeenPatient & { mrn: string })[] {
  const records = new Map<string, Map<string, SeenPatient & { mrn: string }>>();
  let before: SeenPatient | null = null;
  for (const patient of patients) {
    const { emrPatientId: id, state, into } = patient;
    const goesOn = before?.emrPatientId === id && before.state === state && before.into === into;
    const rows = (goesOn ? records.get(id) : undefined) ?? new Map();
    const mrn = patient.mrn ?? '';
    records.set(id, rows.set(mrn, { ...patient, mrn }));
    before = patient;
  }
  return [...records.values()].flatMap((rows) => [...rows.values()]);
}

/**
 * Writes one page of a run and where the next one begins, in one commit.
 */
export async function writeSyncPage(
  deps: { database: Pick<Database, 'pool'> },
  { claim, kind, patients, unreadable, next, watermark }: SyncPage,
): Promise<StepEnd<null>> {
  const records = rowsOf(patients);
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
    // The EMR has them: what it said before is out of date.
    await forgetNoes(tx, { userId, mrns });
    await noteProgress(tx, { claim });
    return null;
  });
}
