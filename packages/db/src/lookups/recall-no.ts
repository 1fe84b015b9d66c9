import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { PatientQuestion } from './join-look-up.ts';
import { IS_NO, IS_RECENT, mrnHash } from './look-up-rules.ts';

const RECALL = named({
  name: 'recall-patient-no',
  values: ['userId', 'connectionVersion', 'mrn'],
  text: `
    SELECT FROM patient_lookups
     WHERE user_id = :userId AND mrn_hash = ${mrnHash(':mrn')} AND version = :connectionVersion::timestamptz
       AND ${IS_RECENT} AND ${IS_NO} LIMIT 1`,
});

/** True when the EMR, asked by any process, said less than a minute ago that it has no such patient. */
export async function recallNo(deps: StatementDeps, question: PatientQuestion): Promise<boolean> {
  return (await query(deps, RECALL, RECALL.values(question))).length === 1;
}
