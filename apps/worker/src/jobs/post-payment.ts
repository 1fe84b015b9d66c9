import {
  FAILURE_CODES,
  type FailedCode,
  idShown,
  isFailureCode,
  type OurSentence,
  sentence,
  uuidToPaymentId,
} from '@emr-payments/contracts';
import { type ClaimedPosting, OUR_FAULT } from '@emr-payments/db';
import type {
  EmrAdapter,
  EntryDiffers,
  PostOutcome,
  ResolveOutcome,
  SendGate,
  SeveralRows,
  Trouble,
} from '@emr-payments/emr';
import type { TakenEntry } from '@emr-payments/runtime';
import type { Held } from '../loops/leases.ts';
import { atFarEnd } from './at-far-end.ts';
import { type LimitsAfter, limitsAfter } from './broken-login.ts';
import type { JobDeps } from './deps.ts';
import { withWords } from './emr-words.ts';
import { endPosting, type PostingEnd } from './end-posting.ts';
import { endOwnProbe, exchangeOfEnd, noteOther, noteRejection } from './note-end.ts';
import { isOutage, knownFault, OWN_FAULT_TROUBLE, reportOwnFault } from './own-fault.ts';
import { ACCEPTED, LIMIT_USED_UP, lookUpDelay, rejectedAgain, TOKEN_RENEWED } from './posting-policy.ts';
import { CANNOT_ASK, type KnownInput, SETTLING, settleDoubt } from './settle-doubt.ts';
import { underClaim } from './under-claim.ts';
import { endsByUntriedTime } from './untried-time.ts';

/** Posts one payment to its EMR exactly once, or finds out that it is already there. */
export async function runPosting(deps: JobDeps, entry: TakenEntry): Promise<void> {
  await underClaim(
    deps,
    {
      job: 'posting',
      entry,
      claim: (asked) => deps.steps.claimPosting(deps, asked),
      describe: ({ claim, payment, connection }) => ({
        'emr_payments.payment_id': uuidToPaymentId(payment.id),
        'emr_payments.user_id': payment.userPublicId,
        'emr_payments.adapter': connection.adapter,
        'emr_payments.attempt': claim.fence,
      }),
    },
    async (posting, held) => {
      const end = await atFarEnd(entry, () => attempt(deps, { posting, held })).catch((error) =>
        ownFault(deps, { posting, error }),
      );
      if (end === 'claim_lost') return endOwnProbe(deps, posting);
      const noted = { posting, held, exchange: exchangeOfEnd(end) };
      const rejection = noted.exchange.kind === 'login' ? await noteRejection(deps, noted) : null;
      const limits = rejection === null ? null : limitsAfter(rejection, posting.rejection);
      await endPosting(deps, { posting, held, limits, end: endAtHorizon(deps, { posting, end, limits }) });
      // The claim has ended with the payment: a renewal would not find it, and warn that it was lost.
      held.release();
      if (rejection === null) await noteOther(deps, noted);
      await endOwnProbe(deps, posting);
    },
  );
}

async function attempt(
  deps: JobDeps,
  { posting, held }: { posting: ClaimedPosting; held: Held },
): Promise<PostingEnd | 'claim_lost'> {
  const { presentPatientId } = posting;
  const payment = { ...posting.payment, emrPatientId: presentPatientId ?? posting.payment.emrPatientId };
  const { signal } = held;
  const adapter = openAdapter(deps, posting);
  const knownEntries = (asked: KnownInput) =>
    deps.steps.findKnownEntries(deps, { paymentId: payment.id, userId: payment.userId, ...asked });
  const doubt = await settleDoubt({ adapter, signal, knownEntries }, posting);
  if (doubt.known === 'found')
    return { status: 'posted', emrTransactionId: doubt.emrTransactionId, attempt: null };
  if (doubt.known === 'differs') return { ...entryDiffers(doubt.entry), attempt: null };
  if (doubt.known === 'several') return { ...severalRows(doubt.entries), attempt: null };
  if (doubt.known === 'never') return outcomeUnknown(sentence`The EMR did not answer. ${doubt.detail}`);
  if (doubt.known === 'not_yet')
    return { status: 'retrying', trouble: doubt.trouble, inDoubt: true, attempt: null };
  if (doubt.known === 'not_confirmed') return { ...notConfirmed(doubt.detail), attempt: null };
  if (doubt.known === 'accepted') return { ...submitted(adapter, posting, doubt.trouble), attempt: null };
  if (posting.patientForgotten)
    return { status: 'failed', code: 'unknown_patient', reason: PATIENT_FORGOTTEN, attempt: null };
  const inDoubt = doubt.known === 'repeatable';

  const names = await adapter.resolve(payment, { signal: held.signal });
  if (names.outcome === 'not_sent') return { status: 'retrying', trouble: names, inDoubt, attempt: null };
  if (names.outcome === 'refused') {
    // An earlier send may have arrived while the EMR still knew the name, so the payment has not certainly failed.
    if (inDoubt)
      return outcomeUnknown(
        sentence`The EMR did not answer an earlier try, which may have arrived. ${names.reason}`,
      );
    return { status: 'failed', code: names.code, reason: names.reason, attempt: null };
  }

  const { claim } = posting;
  if (presentPatientId !== null) {
    const redirected = await deps.steps.redirectPosting(deps, { claim, emrPatientId: presentPatientId });
    if (!redirected) return 'claim_lost';
  }
  const sentAt = performance.now();
  const knownAbsent = doubt.known === 'absent';
  const begin = onceBegun(held, deps.steps.beginAttempt(deps, { claim, knownAbsent, sentTo: adapter.place }));
  const outcome = await adapter.post(
    {
      ...payment,
      paymentId: uuidToPaymentId(payment.id),
      method: names.method,
      location: names.location,
    },
    { signal, mayStillSend: begin.mayStillSend },
  );
  if (!(await begin.ended)) return 'claim_lost';
  const present = await namesAfter(outcome, { adapter, payment, names, sentAt, signal });
  const end = endOfPost(outcome, { adapter, posting, inDoubt, present });
  return withWords(end, 'emrText' in outcome ? outcome : {});
}

const PATIENT_FORGOTTEN = sentence`The payment was accepted for a patient of the former EMR connection, and its MRN is not known over the present one.`;

type Resolved = Extract<ResolveOutcome, { outcome: 'resolved' }>;

/**
 * Resolves the names again after the EMR has refused one of them. The names are remembered for a minute, in which the practice may have
 * put another method or location in the place of one.
 *
 * @returns null when the EMR has refused no name, or still has the ones that were sent.
 */
async function namesAfter(
  outcome: PostOutcome,
  {
    adapter,
    payment,
    names,
    sentAt,
    signal,
  }: {
    adapter: EmrAdapter;
    payment: ClaimedPosting['payment'];
    names: Resolved;
    sentAt: number;
    signal: AbortSignal;
  },
): Promise<ResolveOutcome | null> {
  if (outcome.outcome !== 'refused') return null;
  if (outcome.code !== 'unknown_payment_method' && outcome.code !== 'unknown_location') return null;
  const present = await adapter.resolve(payment, { signal, readSince: sentAt });
  const isSame =
    present.outcome === 'resolved' &&
    present.method.id === names.method.id &&
    present.location.id === names.location.id;
  return isSame ? null : present;
}

const NAMES_CHANGED = sentence`The EMR has changed its payment methods or locations since they were read.`;

/** Ends a payment of which the EMR has refused a name that it does not have any more. It did nothing with it. */
function endOfOldName(
  { code: refusedFor, reason }: Extract<PostOutcome, { outcome: 'refused' }>,
  present: ResolveOutcome,
): PostingEnd {
  const attempt = { outcome: 'refused' as const, code: failedCode(refusedFor), detail: reason };
  if (present.outcome === 'refused')
    return { status: 'failed', code: present.code, reason: present.reason, attempt };
  const trouble: Trouble =
    present.outcome === 'resolved' ? { code: failedCode(refusedFor), detail: NAMES_CHANGED } : present;
  return { status: 'retrying', trouble, inDoubt: false, attempt };
}

/**
 * The gate of a request that is prepared while its attempt is being written: it opens when `sent_at` has been committed, and only as long as
 * the lease certainly holds.
 */
function onceBegun(held: Held, ended: Promise<boolean>): { mayStillSend: SendGate; ended: Promise<boolean> } {
  let begun: boolean | null = null;
  const known = ended.then((isBegun) => {
    begun = isBegun;
  });
  // Whoever waits for `ended` gets the error.
  known.catch(() => undefined);
  return { ended, mayStillSend: () => (begun === null ? known : begun && held.isSafe()) };
}

/** Decides how the claim ends from the outcome of the call and its evidence (docs/adapters.md). */
function endOfPost(
  outcome: PostOutcome,
  {
    adapter,
    posting,
    inDoubt,
    present,
  }: { adapter: EmrAdapter; posting: ClaimedPosting; inDoubt: boolean; present: ResolveOutcome | null },
): PostingEnd {
  if (outcome.outcome === 'posted') {
    return { status: 'posted', emrTransactionId: outcome.emrTransactionId, attempt: { outcome: 'posted' } };
  }
  if (outcome.outcome === 'accepted') {
    const { detail } = outcome;
    const attempt = { outcome: 'accepted' as const, detail };
    if (adapter.find === undefined)
      return { ...notConfirmed(sentence`${detail} The EMR cannot be searched for it.`), attempt };
    return { ...submitted(adapter, posting, { code: ACCEPTED, detail }), attempt };
  }
  if (outcome.outcome === 'differs') {
    const end = entryDiffers(outcome);
    return { ...end, attempt: { outcome: 'unknown', code: end.code, detail: end.reason } };
  }
  if (outcome.outcome === 'refused' && !inDoubt) {
    if (present !== null) return endOfOldName(outcome, present);
    const code = failedCode(outcome.code);
    return { status: 'failed', code, reason: outcome.reason, attempt: { outcome: 'refused', code } };
  }
  if (outcome.outcome === 'not_sent') {
    const trouble = rejectedAgain(outcome, posting);
    const { code, detail } = trouble;
    return { status: 'retrying', trouble, inDoubt, attempt: { outcome: 'not_sent', code, detail } };
  }
  // A refusal while an earlier send is in doubt proves nothing about that send: the next try asks the EMR first.
  const { code } = outcome;
  const trouble = outcome.outcome === 'refused' ? { code, detail: outcome.reason } : outcome;
  const attempt = { outcome: 'unknown' as const, code, detail: trouble.detail };
  if (adapter.capability === 'none')
    return { ...outcomeUnknown(sentence`${trouble.detail} ${CANNOT_ASK}`), attempt };
  return { status: 'retrying', trouble, inDoubt: true, attempt };
}

const REJECTED_ALONE = sentence`The EMR accepts the credentials of the connection, and rejects them for this payment.`;

/**
 * Ends a payment whose retry horizon has passed, instead of putting it off again. A trouble that only a person can remove does not end it: a
 * fault of ours, or a rejection that is no evidence about this payment (`limitsAfter`).
 */
function endAtHorizon(
  { horizonMs }: Pick<JobDeps, 'horizonMs'>,
  { posting, end, limits }: { posting: ClaimedPosting; end: PostingEnd; limits: LimitsAfter | null },
): PostingEnd {
  if (end.status !== 'retrying' || end.trouble.code === OUR_FAULT || posting.triedForMs <= horizonMs)
    return end;
  if (limits !== null && limits !== 'may_end') return end;
  // The EMR may still be processing the last send; `find` is trusted after `settleMs`, so the payment is retried then
  // instead of being given up. So is one whose token has just been renewed; it cannot be twice in a row (`rejectedAgain`).
  if (end.trouble.code === SETTLING || end.trouble.code === TOKEN_RENEWED) return end;
  // Nothing was asked of the EMR: the next try comes when the limit has room.
  if (end.trouble.code === LIMIT_USED_UP) return end;
  if (endsByUntriedTime(posting, { passedMs: posting.triedForMs, limitMs: horizonMs }))
    return { ...end, beginsAgain: true };
  const { attempt } = end;
  const why = limits === null ? end.trouble.detail : sentence`${end.trouble.detail} ${REJECTED_ALONE}`;
  if (end.inDoubt) return { ...outcomeUnknown(sentence`${why} The retry horizon has ended.`), attempt };
  const reason = sentence`${why} The retry horizon has ended, and the EMR does not have the payment.`;
  return { status: 'failed', code: 'retries_exhausted', reason, attempt };
}

/** Opens the connection's adapter. @throws KnownFaultError when its key, its settings or the adapter itself is missing. */
function openAdapter({ adapters }: Pick<JobDeps, 'adapters'>, { connection }: ClaimedPosting): EmrAdapter {
  try {
    return adapters.of(connection);
  } catch (cause) {
    throw knownFault(cause);
  }
}

/**
 * Puts the payment off because of an error of ours: it is no evidence about the payment. If a send was begun, its attempt stays
 * open, and the next claim asks the EMR first.
 */
function ownFault(
  deps: JobDeps,
  { posting, error }: { posting: ClaimedPosting; error: unknown },
): PostingEnd {
  if (isOutage(error)) throw error;
  const { claim, payment, connection } = posting;
  reportOwnFault(deps, {
    error,
    job: 'posting',
    fields: {
      payment_id: uuidToPaymentId(payment.id),
      user_id: payment.userPublicId,
      job_id: claim.jobId,
      fence: claim.fence,
      adapter: connection.adapter,
    },
  });
  return { status: 'retrying', trouble: OWN_FAULT_TROUBLE, inDoubt: true, attempt: null };
}

function submitted(
  { confirmWithinMs }: EmrAdapter,
  { acceptedMs }: ClaimedPosting,
  trouble: Trouble,
): PostingEnd & { status: 'submitted' } {
  const { retryAfterMs } = trouble;
  const delayMs = lookUpDelay({ acceptedMs: acceptedMs ?? 0, confirmWithinMs, retryAfterMs });
  return { status: 'submitted', trouble, delayMs, attempt: null };
}

function notConfirmed(detail: OurSentence) {
  const reason = sentence`${FAILURE_CODES.not_confirmed.says} ${detail}`;
  return { status: 'needs_review', code: 'not_confirmed', reason } as const;
}

function outcomeUnknown(reason: OurSentence): PostingEnd {
  return { status: 'needs_review', code: 'outcome_unknown', reason, attempt: null };
}

/** The entry may be a damaged copy of the payment or another payment: sending again and believing it are both wrong. */
function entryDiffers({ emrTransactionId, difference }: EntryDiffers) {
  const id = idShown(emrTransactionId);
  const entry = sentence`The EMR has an entry with this payment's id`;
  const reason = sentence`${id === null ? entry : sentence`${entry} (${id})`}, but it has ${difference}.`;
  return { status: 'needs_review', code: 'entry_differs', reason } as const;
}

/** The EMR has the payment more than once, or rows of it are missing: only a person can say which are right. */
function severalRows({ rows }: SeveralRows) {
  const reason = sentence`${FAILURE_CODES.several_matches.says} It has ${rows.length}.`;
  return { status: 'needs_review', code: 'several_matches', reason } as const;
}

function failedCode(code: string): FailedCode {
  return isFailureCode(code) && FAILURE_CODES[code].status === 'failed'
    ? (code as FailedCode)
    : 'emr_refused';
}
