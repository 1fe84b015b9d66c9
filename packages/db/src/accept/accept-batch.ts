import { newPaymentId, paymentIdToUuid, uuidToPaymentId } from '@emr-payments/contracts';
import type { StatementDeps } from '../core/statements.ts';
import { isSameRequest } from '../idempotency/once.ts';
import { type AcceptInput, acceptPayments } from './accept-payments.ts';
import { type ClaimedKey, findIdempotencyKeys } from './find-idempotency-keys.ts';

export type AcceptOutcome =
  | { outcome: 'accepted'; paymentId: string; jobId: number; replayed: boolean }
  | { outcome: 'patient_not_found' }
  /** The key was used for another body. */
  | { outcome: 'key_reused' }
  /** Another request with the key is being accepted at this moment. */
  | { outcome: 'key_in_flight' };

/** `not_looked_up`: nothing was written for the input, and why is not known, because its key could not be looked up. */
export type BatchOutcome = AcceptOutcome | { outcome: 'not_looked_up'; error: unknown };

type Idempotency = NonNullable<AcceptInput['idempotency']>;

/**
 * Decides the outcome of a request that has a key and was not written: a committed request claimed the key before, another
 * one is claiming it at this moment (`claimed` is null), or the patient was not found.
 */
function outcomeOfKey(input: {
  idempotency: Idempotency;
  claimed: ClaimedKey | null;
  patientFound: boolean;
}): AcceptOutcome {
  if (input.claimed === null) return { outcome: input.patientFound ? 'key_in_flight' : 'patient_not_found' };
  const { fingerprint, made } = input.claimed;
  if (made === null || !isSameRequest(fingerprint, input.idempotency)) return { outcome: 'key_reused' };
  return {
    outcome: 'accepted',
    paymentId: uuidToPaymentId(made.paymentId),
    jobId: made.jobId,
    replayed: true,
  };
}

/**
 * Accepts the payments of all the requests in flight in one commit. If some of their keys were used before, one more
 * statement looks those up. If that fails, the batch has been committed all the same: only those with these keys learn of it.
 *
 * @param deps.notifies true: the commit notifies the relays. `createNudge` says when it may.
 * @returns an outcome for each input, in order. All is committed when this resolves.
 * @throws DatabaseUnavailableError when it is unknown whether the batch was committed: a caller with a key finds out by
 *   repeating the request.
 */
export async function acceptBatch(
  deps: StatementDeps & { notifies?: boolean },
  inputs: readonly AcceptInput[],
): Promise<BatchOutcome[]> {
  const paymentIds = inputs.map(newPaymentId);
  const written = await acceptPayments(deps, { inputs, uuids: paymentIds.map(paymentIdToUuid) });

  const unclaimed = inputs.filter(
    (input, index) => input.idempotency !== null && written[index]?.jobId == null,
  );
  const claims = new Map<AcceptInput, ClaimedKey | null>();
  let failure: { error: unknown } | undefined;
  if (unclaimed.length > 0) {
    const owners = unclaimed.map((input) => ({ ...input, key: input.idempotency?.key ?? '' }));
    try {
      const found = await findIdempotencyKeys(deps, owners);
      unclaimed.forEach((input, index) => {
        claims.set(input, found[index] ?? null);
      });
    } catch (error) {
      failure = { error };
    }
  }

  return inputs.map((input, index) => {
    const { jobId = null, patientFound = false } = written[index] ?? {};
    const paymentId = paymentIds[index] ?? '';
    if (jobId !== null) return { outcome: 'accepted', paymentId, jobId, replayed: false };
    if (input.idempotency === null) return { outcome: 'patient_not_found' };
    if (failure !== undefined) return { outcome: 'not_looked_up', ...failure };
    return outcomeOfKey({
      idempotency: input.idempotency,
      claimed: claims.get(input) ?? null,
      patientFound,
    });
  });
}
