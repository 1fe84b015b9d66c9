import { FAILURE_CODES, type FailedCode, isFailureCode, uuidToPaymentId } from '@emr-payments/contracts';
import type { ClaimedPosting } from '@emr-payments/db';
import type { EmrAdapter, EntryDiffers, PostOutcome } from '@emr-payments/emr';
import type { QueueEntry } from '@emr-payments/runtime';
import type { Held } from '../loops/leases.ts';
import type { JobDeps } from './deps.ts';
import { endPosting, type PostingEnd } from './end-posting.ts';
import { SETTLING, settleDoubt } from './settle-doubt.ts';
import { underClaim } from './under-claim.ts';

const CANNOT_ASK = 'There is no way to ask it whether it took the payment.';

/** Posts one payment to its EMR exactly once, or finds out that it is already there. */
export async function runPosting(deps: JobDeps, entry: QueueEntry): Promise<void> {
  await underClaim(
    deps,
    { entry, claim: (asked) => deps.steps.claimPosting({ database: deps.database.grouped }, asked) },
    async (posting, held) => {
      const end = await attempt(deps, { posting, held });
      if (end === 'claim_lost') return;
      await endPosting(deps, { posting, held, end: endAtHorizon(deps, { posting, end }) });
    },
  );
}

async function attempt(
  deps: JobDeps,
  { posting, held }: { posting: ClaimedPosting; held: Held },
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
  if (doubt.known === 'differs') return { ...entryDiffers(doubt.entry), attempt: null };
  if (doubt.known === 'never') return outcomeUnknown(`The EMR did not answer. ${CANNOT_ASK}`);
  if (doubt.known === 'not_yet')
    return { status: 'retrying', trouble: doubt.trouble, inDoubt: true, attempt: null };
  const inDoubt = doubt.known === 'repeatable';

  const names = await adapter.resolve(payment, { signal });
  if (names.outcome === 'not_sent') return { status: 'retrying', trouble: names, inDoubt, attempt: null };
  if (names.outcome === 'refused') {
    // An earlier send may have arrived while the EMR still knew the name, so the payment has not certainly failed.
    if (inDoubt)
      return outcomeUnknown(`The EMR did not answer an earlier try, which may have arrived. ${names.reason}`);
    return { status: 'failed', code: names.code, reason: names.reason, attempt: null };
  }

  const knownAbsent = doubt.known === 'absent';
  const { claim } = posting;
  if (!(await deps.steps.beginAttempt({ database: deps.database.grouped }, { claim, knownAbsent })))
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

/** Decides how the claim ends from the outcome of the call and its evidence (docs/adapters.md). */
function endOfPost(
  outcome: PostOutcome,
  { adapter, inDoubt }: { adapter: EmrAdapter; inDoubt: boolean },
): PostingEnd {
  if (outcome.outcome === 'posted') {
    return { status: 'posted', emrTransactionId: outcome.emrTransactionId, attempt: { outcome: 'posted' } };
  }
  if (outcome.outcome === 'differs') {
    const end = entryDiffers(outcome);
    return { ...end, attempt: { outcome: 'unknown', code: end.code, detail: end.reason } };
  }
  if (outcome.outcome === 'refused' && !inDoubt) {
    const code = failedCode(outcome.code);
    return { status: 'failed', code, reason: outcome.reason, attempt: { outcome: 'refused', code } };
  }
  if (outcome.outcome === 'not_sent') {
    const { code, detail } = outcome;
    return { status: 'retrying', trouble: outcome, inDoubt, attempt: { outcome: 'not_sent', code, detail } };
  }
  // A refusal while an earlier send is in doubt proves nothing about that send: the next try asks the EMR first.
  const { code } = outcome;
  const trouble = outcome.outcome === 'refused' ? { code, detail: outcome.reason } : outcome;
  const attempt = { outcome: 'unknown' as const, code, detail: trouble.detail };
  if (adapter.capability === 'none') return { ...outcomeUnknown(`${trouble.detail} ${CANNOT_ASK}`), attempt };
  return { status: 'retrying', trouble, inDoubt: true, attempt };
}

/** Ends a payment whose retry horizon has passed, instead of putting it off again. */
function endAtHorizon(
  { horizonMs }: Pick<JobDeps, 'horizonMs'>,
  { posting, end }: { posting: ClaimedPosting; end: PostingEnd },
): PostingEnd {
  if (end.status !== 'retrying' || posting.triedForMs <= horizonMs) return end;
  // The EMR may still be processing the last send; `find` is trusted after `settleMs`, so the payment is retried then
  // instead of being given up.
  if (end.trouble.code === SETTLING) return end;
  const { attempt } = end;
  if (end.inDoubt) {
    return { ...outcomeUnknown(`${end.trouble.detail} The retry horizon has ended.`), attempt };
  }
  const reason = `${end.trouble.detail} The retry horizon has ended, and the EMR does not have the payment.`;
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

/** The entry may be a damaged copy of the payment or another payment: sending again and believing it are both wrong. */
function entryDiffers({ emrTransactionId, difference }: EntryDiffers) {
  const reason = `The EMR has an entry with this payment's id (${emrTransactionId}), but it has ${difference}.`;
  return { status: 'needs_review', code: 'entry_differs', reason } as const;
}

function failedCode(code: string): FailedCode {
  return isFailureCode(code) && FAILURE_CODES[code].status === 'failed'
    ? (code as FailedCode)
    : 'emr_refused';
}
