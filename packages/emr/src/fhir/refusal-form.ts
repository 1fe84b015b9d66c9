import type { Complaint, RefusalForm } from '../http/evidence.ts';
import type { Answer } from '../http/exchange.ts';
import { complaintOf } from './complaint-of.ts';
import { textOf } from './refusal.ts';
import { remarksOf } from './remarks.ts';
import { type OperationOutcome, OperationOutcomeSchema, parseAs } from './resources.ts';

/** The EMR has such an entry already or is processing one: that may come from an earlier send of ours. */
const CONFLICTS: ReadonlySet<string> = new Set(['duplicate', 'multiple-matches', 'conflict', 'lock-error']);
/**
 * The other transient issues (https://hl7.org/fhir/R5/valueset-issue-type.html): the EMR did not come to an end, or the same
 * request may succeed later. Some servers report them with a 4xx. They do not say that nothing was written.
 */
const FAILURES: ReadonlySet<string> = new Set([
  'transient',
  'exception',
  'timeout',
  'incomplete',
  'no-store',
  'throttled',
]);

/** Reads a refusal. An OperationOutcome without an issue or without an error is none. */
function complaint({ status, body }: Answer): Complaint<OperationOutcome> | null {
  const outcome = parseAs(OperationOutcomeSchema, body);
  if (outcome === null || !remarksOf(outcome).errorSaid) return null;
  return complaintOf(outcome, { status, conflicts: CONFLICTS, failures: FAILURES });
}

/**
 * FHIR servers give the reason of a 4xx in an OperationOutcome (https://hl7.org/fhir/R4/http.html#create,
 * https://hl7.org/fhir/R5/http.html#create). FHIR gives 401 and 429 no form.
 */
export const FORM: RefusalForm<OperationOutcome> = {
  refuses: [400, 404, 405, 413, 415, 422],
  unauthorized: 'status',
  forbidden: 'complaint',
  throttled: 'status',
  complaint,
  words: textOf,
};
