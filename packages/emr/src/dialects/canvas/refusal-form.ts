import { complaintOf } from '../../fhir/complaint-of.ts';
import type { Complaint, RefusalForm } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';
import { type CanvasOutcome, outcomeIn, saidBy } from './outcome.ts';

/** Codes of an issue that are no refusal: Canvas did not come to an end. `excepetion` is how its page spells it. */
const FAILURES: ReadonlySet<string> = new Set([
  'excepetion',
  'exception',
  'transient',
  'timeout',
  'lock-error',
  'throttled',
]);
/** Canvas has such a payment, or is at work on one: an earlier send of ours may have made it. */
const CONFLICTS: ReadonlySet<string> = new Set(['conflict', 'duplicate']);

const isError = ({ severity }: CanvasOutcome['issue'][number]) =>
  severity === undefined || severity === 'error' || severity === 'fatal';

function complaint({ status, body }: Answer): Complaint<CanvasOutcome> | null {
  const outcome = outcomeIn(body);
  if (outcome === null || !outcome.issue.some(isError)) return null;
  return complaintOf(outcome, { status, conflicts: CONFLICTS, failures: FAILURES });
}

/**
 * Canvas documents 400, 401, 403, 404 and 422, and 405 for a create, each with an OperationOutcome: "All 4xx errors that could be handled
 * programmatically include an OperationOutcome" (https://docs.canvasmedical.com/api/errors,
 * https://docs.canvasmedical.com/api/paymentnotice). It lists no 429: one can come from a limit in front of Canvas, and a person would
 * have to look at each payment that it strikes, so its status suffices.
 */
export const FORM: RefusalForm<CanvasOutcome> = {
  refuses: [400, 404, 405, 422],
  unauthorized: 'complaint',
  forbidden: 'complaint',
  throttled: 'status',
  complaint,
  words: saidBy,
};
