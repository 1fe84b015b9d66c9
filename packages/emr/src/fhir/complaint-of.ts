import { sentence } from '@emr-payments/contracts';
import type { Complaint } from '../http/evidence.ts';

type Outcome = { issue: readonly { code?: string | undefined }[] };

/**
 * Tells a refusal from a doubt by the codes of an OperationOutcome that reports an error.
 *
 * @param input.conflicts codes by which the server says that it has such an entry, or is processing one.
 * @param input.failures codes that do not say that nothing was written.
 */
export function complaintOf<Refusal extends Outcome>(
  outcome: Refusal,
  input: { status: number; conflicts: ReadonlySet<string>; failures: ReadonlySet<string> },
): Complaint<Refusal> {
  const { status, conflicts, failures } = input;
  const says = (codes: ReadonlySet<string>) => outcome.issue.some(({ code = '' }) => codes.has(code));
  if (says(conflicts)) {
    const detail = sentence`The EMR reported a conflict (HTTP ${status}).`;
    return { kind: 'doubt', code: 'conflict', detail };
  }
  if (says(failures)) {
    const detail = sentence`The EMR reported a failure of its own (HTTP ${status}).`;
    return { kind: 'doubt', code: 'emr_error', detail };
  }
  return { kind: 'refusal', refusal: outcome };
}
