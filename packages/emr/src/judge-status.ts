import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { FindPatientOutcome } from './patients.ts';

/**
 * Decides about the one patient who was found, by the status of the record. A status that the vendor does not document proves nothing.
 *
 * @param input.open statuses whose account takes payments.
 * @param input.closed statuses to which no payment goes, with the reason.
 */
export function judgeStatus(
  found: FindPatientOutcome,
  input: { status: string; open: ReadonlySet<string>; closed: ReadonlyMap<string, OurSentence> },
): FindPatientOutcome {
  if (found.outcome !== 'found' || input.open.has(input.status)) return found;
  const reason = input.closed.get(input.status);
  if (reason !== undefined) return { outcome: 'closed', reason };
  const detail = sentence`The EMR gives the patient a status that its documentation does not have.`;
  return { outcome: 'unavailable', code: 'answer_not_understood', detail };
}
