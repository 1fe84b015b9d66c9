import { query, type StatementDeps } from '../core/statements.ts';
import { IS_NO, mrnHash } from './look-up-rules.ts';

// A row that somebody else has locked is being removed by them: nothing is waited for, so this can be part of any transaction. A stored
// id needs none of this: payments look at the patients first.

const noes = (which: string): string => `
    DELETE FROM patient_lookups WHERE id = ANY (ARRAY(
      SELECT id FROM patient_lookups WHERE user_id = $1 AND ${IS_NO}${which} FOR UPDATE SKIP LOCKED))`;

const FORGET_ALL = { name: 'forget-patient-noes', text: noes('') };
const FORGET = {
  name: 'forget-patient-noes-of-mrns',
  text: noes(` AND mrn_hash = ANY (ARRAY(SELECT ${mrnHash('mrn')} FROM unnest($2::text[]) AS given (mrn)))`),
};

/**
 * Makes the EMR's remembered "no" void in all processes, from the commit on: the next payment asks again.
 *
 * @param input.mrns without it all of the user's.
 */
export async function forgetNoes(
  deps: StatementDeps,
  { userId, mrns }: { userId: number; mrns?: readonly string[] },
): Promise<void> {
  if (mrns === undefined) await query(deps, FORGET_ALL, [userId]);
  else await query(deps, FORGET, [userId, mrns]);
}
