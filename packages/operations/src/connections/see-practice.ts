import { type Database, findLastPaid } from '@emr-payments/db';
import type { EmrAdapter, EmrConnection, NetworkOwner } from '@emr-payments/emr';
import { openOver, type SharedAdapterDeps } from './adapter-deps.ts';

/** For all questions together: a person waits. */
const ASK_MS = 15_000;

/** Says for an operator why such a connection was not saved. */
export const OTHER_PRACTICE =
  'None of the patients to whom the last payments went is found with this connection. It may lead to another practice, and payments would go there.';

/** `unknown`: there is nothing to compare with, or the EMR cannot be asked. */
export type PracticeSeen = 'same' | 'other' | 'unknown';

/**
 * Compares the practice behind a new login with the one that payments went to: the patients of the last payments are looked for. With
 * another login money could go to another practice's patients, whose ids are often the same small numbers.
 *
 * Nobody is in it: `other`. One of them is, with the same id: `same`.
 */
export async function seePractice(
  { database, shared }: { database: Pick<Database, 'pool'>; shared: SharedAdapterDeps },
  connection: EmrConnection & NetworkOwner,
): Promise<PracticeSeen> {
  let adapter: EmrAdapter;
  try {
    adapter = openOver(shared, connection);
  } catch {
    // The set-up says why.
    return 'unknown';
  }
  if (adapter.findPatient === undefined) return 'unknown';
  const patients = await findLastPaid({ database }, { userId: connection.userId });
  const signal = AbortSignal.timeout(ASK_MS);
  let differ = 0;
  try {
    for (const { mrn, emrPatientId } of patients) {
      const found = await adapter.findPatient({ mrn }, { signal });
      if (found.outcome === 'unavailable') return 'unknown';
      if (found.outcome === 'found' && found.emrPatientId === emrPatientId) return 'same';
      if (found.outcome === 'found' || found.outcome === 'none') differ += 1;
    }
  } finally {
    await shared.settled();
  }
  return differ === 0 ? 'unknown' : 'other';
}
