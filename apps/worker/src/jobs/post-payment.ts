import { FAILURE_CODES, type FailedCode, isFailureCode, uuidToPaymentId } from '@emr-payments/contracts';
import { beginAttempt, type ClaimedPosting, claimPosting } from '@emr-payments/db';
import type { EmrAdapter, PostOutcome } from '@emr-payments/emr';
import type { QueueEntry } from '@emr-payments/runtime';
import type { JobDeps } from '../deps.ts';
import type { Held } from '../loops/leases.ts';
import { endPosting, type PostingEnd } from './end-posting.ts';
import { SETTLING, settleDoubt } from './settle-doubt.ts';

const CANNOT_ASK = 'There is no way to ask it whether it took the payment.';

/** Post one payment to its EMR, exactly once, or find out that it is there. */
export async function postPayment(deps: JobDeps, entry: QueueEntry): Promise<void> {
  const claimedAt = performance.now();
  const { leaseMs } = deps.leases;
  const posting = await claimPosting(
    { database: deps.database.grouped },
    {
      jobId: entry.job,
      fence: entry.fence,
      leaseMs,
    },
  );
  if (posting === null) return;
  const held = deps.leases.hold(posting.claim, claimedAt);
  try {
    const end = await attempt(deps, posting, held);
    if (end !== 'claim_lost') await endPosting(deps, posting, held, withinHorizon(deps, posting, end));
  } finally {
    held.release();
    deps.onDone();
  }
}

async function attempt(
  deps: JobDeps,
  posting: ClaimedPosting,
  held: Held,
): Promise<PostingEnd | 'claim_lost'> {
  const { payment } = posting;
  const { signal } = held;
  let adapter: EmrAdapter;
  try {
    adapter = deps.adapters.of(posting.connection);
  } catch (error) {
    return misconfigured(posting, error);
  }

  const doubt = await settleDoubt({ adapter, signal }, posting);
  if (doubt.known === 'found')
    return { status: 'posted', emrTransactionId: doubt.emrTransactionId, attempt: null };
  if (doubt.known === 'never') return outcomeUnknown(`The EMR did not answer. ${CANNOT_ASK}`);
  if (doubt.known === 'not_yet')
    return { status: 'retrying', trouble: doubt.trouble, inDoubt: true, attempt: null };
  const inDoubt = doubt.known === 'repeatable';

  const names = await adapter.resolve(payment, { signal });
  if (names.outcome === 'not_sent') return { status: 'retrying', trouble: names, inDoubt, attempt: null };
  if (names.outcome === 'refused') {
    // An earlier send may have arrived when the name was still known: nothing is known to have failed.
    if (inDoubt) return outcomeUnknown(`The EMR did not answer an earlier try, and then: ${names.reason}`);
    return { status: 'failed', code: names.code, reason: names.reason, attempt: null };
  }

  const knownAbsent = doubt.known === 'absent';
  if (!(await beginAttempt({ database: deps.database.grouped }, { claim: posting.claim, knownAbsent })))
    return 'claim_lost';
  const outcome = await adapter.post(
    {
      ...payment,
      paymentId: uuidToPaymentId(payment.id),
      method: names.method,
      location: names.location,
    },
    { signal, mayStillSend: held.isSafe },
  );
  return endOfPost(outcome, { adapter, inDoubt });
}

/** From the outcome of the call to the end of the claim (design: the outcome table). */
function endOfPost(
  outcome: PostOutcome,
  { adapter, inDoubt }: { adapter: EmrAdapter; inDoubt: boolean },
): PostingEnd {
  if (outcome.outcome === 'posted') {
    return { status: 'posted', emrTransactionId: outcome.emrTransactionId, attempt: { outcome: 'posted' } };
  }
  if (outcome.outcome === 'refused' && !inDoubt) {
    const code = failedCode(outcome.code);
    return { status: 'failed', code, reason: outcome.reason, attempt: { outcome: 'refused', code } };
  }
  if (outcome.outcome === 'not_sent') {
    const { code, detail } = outcome;
    return { status: 'retrying', trouble: outcome, inDoubt, attempt: { outcome: 'not_sent', code, detail } };
  }
  // A refusal while an earlier send is in doubt proves nothing about that one: the EMR is asked next time.
  const { code } = outcome;
  const trouble = outcome.outcome === 'refused' ? { code, detail: outcome.reason } : outcome;
  const attempt = { outcome: 'unknown' as const, code, detail: trouble.detail };
  if (adapter.capability === 'none') return { ...outcomeUnknown(`${trouble.detail} ${CANNOT_ASK}`), attempt };
  return { status: 'retrying', trouble, inDoubt: true, attempt };
}

/** A payment that has been tried for as long as it may, this time included, is not put off again (design: the horizon). */
function withinHorizon({ horizonMs }: JobDeps, { triedForMs }: ClaimedPosting, end: PostingEnd): PostingEnd {
  // What the EMR may still be at work on is known in a minute: that is waited for.
  if (end.status !== 'retrying' || triedForMs <= horizonMs || end.trouble.code === SETTLING) return end;
  const { attempt } = end;
  if (end.inDoubt) {
    return {
      ...outcomeUnknown(`${end.trouble.detail} It was tried for as long as a payment may be.`),
      attempt,
    };
  }
  const reason = `${end.trouble.detail} It was tried for as long as a payment may be, and the EMR does not have it.`;
  return { status: 'failed', code: 'retries_exhausted', reason, attempt };
}

function misconfigured({ unresolvedMs }: ClaimedPosting, error: unknown): PostingEnd {
  const why = error instanceof Error ? error.message : 'unknown error';
  const reason = `The practice's EMR connection cannot be used as it is set up: ${why}`;
  if (unresolvedMs !== null) return outcomeUnknown(reason);
  return { status: 'failed', code: 'connection_misconfigured', reason, attempt: null };
}

function outcomeUnknown(reason: string): PostingEnd {
  return { status: 'needs_review', code: 'outcome_unknown', reason, attempt: null };
}

function failedCode(code: string): FailedCode {
  return isFailureCode(code) && FAILURE_CODES[code].status === 'failed'
    ? (code as FailedCode)
    : 'emr_refused';
}
