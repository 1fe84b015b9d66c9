import { type OurSentence, sentence, uuidToPaymentId } from '@emr-payments/contracts';
import { type ClaimedPosting, isBrokenLogin, type KnownEntry } from '@emr-payments/db';
import type {
  EmrAdapter,
  EntryDiffers,
  FindHints,
  FindOutcome,
  SeveralRows,
  Trouble,
} from '@emr-payments/emr';
import { endsByUntriedTime } from './untried-time.ts';

/** The code while the EMR may still be processing the last send: nothing that it says or does proves what comes of that. */
export const SETTLING = 'settling';

/** The code of a look-up that found nothing yet of a payment that the EMR has accepted for later. */
export const NOT_THERE_YET = 'not_there_yet';

/** The code of a look-up that found nothing, where the EMR does not show entries either that it must have. */
export const KNOWN_NOT_SHOWN = 'known_not_shown';

/** The code while the EMR has shown or named an entry with our payment id, and nobody can say yet whether it is the payment. */
const ENTRY_SEEN = 'entry_unreadable';

const UNFINISHED = sentence`The EMR has an entry with this payment's id that is not the payment, and may still be writing it.`;
const VANISHED = sentence`The EMR had an entry with this payment's id, and no longer shows it: somebody may have removed it.`;

/** Most known entries that are looked for before an empty search is not believed: somebody may have deleted one. */
const MOST_KNOWN = 3;

/**
 * Troubles of one entry or patient. What a person did to another payment's entry, such as changing its note or merging its patient, says nothing
 * about this one: the next known entry is looked for.
 */
const OF_ONE_ENTRY: readonly string[] = ['answer_not_understood', 'entry_unreadable', 'unknown_patient'];

/** Which payments to find (`findKnownEntries`). */
export type KnownInput = { place: string; limit: number; leftBy: Date | null; settleMs: number };

/** The state of our knowledge about earlier sends whose outcomes are open. */
export type Doubt =
  | { known: 'nothing_sent' }
  | { known: 'found'; emrTransactionId: string }
  /** The EMR has an entry with our payment id that is not the payment as we know it. */
  | { known: 'differs'; entry: EntryDiffers }
  /** The EMR has several rows with our payment id, which together are not the payment. */
  | { known: 'several'; entries: SeveralRows }
  /** None of them created an entry. */
  | { known: 'absent' }
  /** Their outcome is not known, but the EMR has written what it is going to: sending again with the same key makes no second entry. */
  | { known: 'repeatable' }
  /** The EMR gave no evidence this time, and may give it later. */
  | { known: 'not_yet'; trouble: Trouble }
  /** The EMR has accepted the payment for later and shows no entry yet: nothing may be sent, however long that takes. */
  | { known: 'accepted'; trouble: Trouble }
  /** The EMR has accepted it, and did not show an entry in time, or has no means to show one. */
  | { known: 'not_confirmed'; detail: OurSentence }
  /** The EMR cannot be asked, now or later. */
  | { known: 'never'; detail: OurSentence };

/** Why a lost answer of an EMR without a search and a conditional create has to be looked into by a person. */
export const CANNOT_ASK = sentence`There is no way to ask it whether it took the payment.`;

type Asked = Pick<
  ClaimedPosting,
  | 'payment'
  | 'lastCode'
  | 'unresolvedMs'
  | 'unresolvedSentAt'
  | 'unresolvedLeftBy'
  | 'unresolvedAt'
  | 'acceptedMs'
  | 'untriedMs'
  | 'rejection'
>;

/**
 * Looks up earlier sends at the EMR before anything is sent again (the outcomes `unknown` and `accepted`: docs/adapters.md).
 *
 * `absent` is believed only when the last of them is older than the adapter's `settleMs`, within which the EMR may still write
 * the entry. That is so even where the EMR is said to honour a conditional create: the setting may be wrong. A conditional
 * create that cannot be looked up waits for the same time, because most servers check the condition when the request arrives,
 * and an entry that is still being written does not meet it. Rows that are not the payment are believed after it too: an EMR that
 * splits a payment writes them one after the other.
 *
 * `absent` is never believed when the EMR has accepted the payment, nor when it was sent to another place than the connection
 * names now. It can still be found at the new place, because the EMR may only have got another name. Nor is it after a try that saw an entry with
 * our id, because a payment that somebody removed is sent again by a person only. And it is believed only of a search that shows what is known
 * to be there (`notShown`).
 *
 * @param deps.knownEntries finds other payments that the EMR has taken, up to `limit` (`findKnownEntries`).
 */
export async function settleDoubt(
  {
    adapter,
    signal,
    knownEntries,
  }: {
    adapter: EmrAdapter;
    signal: AbortSignal;
    knownEntries: (input: KnownInput) => Promise<readonly KnownEntry[]>;
  },
  posting: Asked,
): Promise<Doubt> {
  const { payment, unresolvedMs, unresolvedSentAt, unresolvedLeftBy, acceptedMs } = posting;
  if (unresolvedMs === null && acceptedMs === null) return { known: 'nothing_sent' };
  const { find } = adapter;
  if (find === undefined) {
    if (acceptedMs !== null)
      return { known: 'not_confirmed', detail: sentence`The EMR cannot be searched for it.` };
    if (adapter.capability === 'none') return { known: 'never', detail: CANNOT_ASK };
    return settling(adapter, posting) ?? sentElsewhere(adapter, posting) ?? { known: 'repeatable' };
  }

  const findOne = (one: FindInput) => find(hintsOf(one), { signal, waitsLong: true });
  const answer = await findOne({ ...payment, sentAt: unresolvedSentAt, leftBy: unresolvedLeftBy });
  if (answer.outcome === 'found') return { known: 'found', emrTransactionId: answer.emrTransactionId };
  if (answer.outcome === 'differs' || answer.outcome === 'several') {
    const unfinished = settling(adapter, posting);
    if (unfinished !== null)
      return acceptedMs === null
        ? { known: 'not_yet', trouble: { ...unfinished.trouble, code: ENTRY_SEEN, detail: UNFINISHED } }
        : { known: 'accepted', trouble: unfinished.trouble };
    if (answer.outcome === 'several') return { known: 'several', entries: answer };
    return { known: 'differs', entry: answer };
  }
  if (acceptedMs !== null) {
    const detail = sentence`The EMR has accepted the payment for later, and does not have an entry of it yet.`;
    const trouble: Trouble = answer.outcome === 'absent' ? { code: NOT_THERE_YET, detail } : answer;
    // A broken login says nothing about the payment, unless the EMR accepts the same credentials for others meanwhile. Neither does the first
    // answer that is missing after an outage of the service: the payment is looked up once more.
    const isExcused =
      answer.outcome === 'unavailable' &&
      endsByUntriedTime(posting, { passedMs: acceptedMs, limitMs: adapter.confirmWithinMs });
    const counts = !isExcused && (!isBrokenLogin(trouble) || posting.rejection.acceptedSince);
    return acceptedMs >= adapter.confirmWithinMs && counts
      ? { known: 'not_confirmed', detail: trouble.detail }
      : { known: 'accepted', trouble };
  }
  if (answer.outcome === 'unavailable') return { known: 'not_yet', trouble: answer };
  if (posting.lastCode === ENTRY_SEEN)
    return { known: 'not_yet', trouble: { code: ENTRY_SEEN, detail: VANISHED } };
  const unbelieved = settling(adapter, posting) ?? sentElsewhere(adapter, posting);
  if (unbelieved !== null) return unbelieved;
  const { place, settleMs } = adapter;
  const known = await knownEntries({ place, limit: MOST_KNOWN, leftBy: unresolvedLeftBy, settleMs });
  const later = known.filter(({ sentAt }) => unresolvedLeftBy !== null && sentAt > unresolvedLeftBy);
  return (await notShown(later.length > 0 ? later : known, findOne)) ?? { known: 'absent' };
}

type FindInput = Pick<FindHints, 'emrPatientId' | 'amount' | 'depositDate' | 'sentAt' | 'leftBy'> & {
  id: string;
};

const hintsOf = ({ id, emrPatientId, amount, depositDate, sentAt, leftBy }: FindInput): FindHints => ({
  paymentId: uuidToPaymentId(id),
  emrPatientId,
  amount,
  depositDate,
  sentAt,
  leftBy,
});

/**
 * Looks for entries that the EMR must have, because it took them. An EMR that has taken a right away from us, was restored from a
 * backup or searches another practice answers with an empty list too, and with nothing that says so. One whose
 * index is behind still shows what is older than the payment, so entries that it took later are looked for where there are any. The first known entry that it
 * shows is enough, in whatever state; the first payments of a connection have none, and their search is believed.
 *
 * @returns null when the search shows one of them, or when none is known.
 */
async function notShown(
  known: readonly KnownEntry[],
  findOne: (one: FindInput) => Promise<FindOutcome>,
): Promise<Extract<Doubt, { known: 'not_yet' }> | null> {
  for (const entry of known) {
    const answer = await findOne(entry);
    if (answer.outcome === 'absent') continue;
    if (answer.outcome !== 'unavailable') return null;
    if (!OF_ONE_ENTRY.includes(answer.code)) return { known: 'not_yet', trouble: answer };
  }
  if (known.length === 0) return null;
  const detail = sentence`The EMR does not show this payment, and none of ${known.length} that it has taken either.`;
  return { known: 'not_yet', trouble: { code: KNOWN_NOT_SHOWN, detail } };
}

/** @returns null when the EMR has had `settleMs` for every send that it may be processing. */
function settling(
  { settleMs }: EmrAdapter,
  { unresolvedMs, acceptedMs }: Asked,
): Extract<Doubt, { known: 'not_yet' }> | null {
  const settlesInMs = settleMs - Math.min(unresolvedMs ?? Infinity, acceptedMs ?? Infinity);
  if (settlesInMs <= 0) return null;
  const detail =
    acceptedMs === null
      ? sentence`The EMR may still be processing the request whose answer was lost.`
      : sentence`The EMR has accepted the payment for later, and may still be writing its entries.`;
  return { known: 'not_yet', trouble: { code: SETTLING, detail, retryAfterMs: Math.ceil(settlesInMs) } };
}

/** @returns null when every send in doubt went to where the adapter looks. */
function sentElsewhere(
  { place }: EmrAdapter,
  { unresolvedAt }: Asked,
): Extract<Doubt, { known: 'never' }> | null {
  if (unresolvedAt.every((each) => each === place)) return null;
  const detail = sentence`The connection has been changed since the payment was sent, and it cannot be looked up where it was sent.`;
  return { known: 'never', detail };
}
