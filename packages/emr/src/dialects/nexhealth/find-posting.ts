import { randomInt } from 'node:crypto';
import { sentence } from '@emr-payments/contracts';
import { absent } from '../../absence.ts';
import { readCents } from '../../amounts.ts';
import type { CallOptions } from '../../calls.ts';
import { judgeRows } from '../../judge-rows.ts';
import type { FindHints, FindOutcome, FoundRow } from '../../posting.ts';
import type { Trouble } from '../../trouble.ts';
import { everyLocation } from './locations.ts';
import { type Failed, LEDGER, type Rows, readRows } from './read.ts';
import { differencesOf, isUnreadable, type OurRow, readRow } from './read-row.ts';
import { transactionId } from './send-posting.ts';
import type { NexConnection } from './settings.ts';
import { readSyncState, type SyncState, withItsDatabases } from './sync-status.ts';

const unavailable = (trouble: Trouble): FindOutcome => ({ outcome: 'unavailable', ...trouble });

/**
 * Searches the ledger of one location for our transaction id, deleted rows among the results. The page size is drawn by lot, so that a
 * cache that obeys no header rarely has an answer for its URL.
 */
export const searchLocation = (
  nex: NexConnection,
  { locationId, paymentId }: { locationId: string; paymentId: string },
  options: CallOptions,
): Promise<Rows | Failed> =>
  readRows(
    nex,
    {
      path: '/payments',
      query: {
        subdomain: nex.settings.subdomain,
        location_id: locationId,
        transaction_id: transactionId(nex.settings, { paymentId }),
        include_deleted: true,
        per_page: randomInt(500, 1001),
      },
      headers: LEDGER,
      unshared: true,
    },
    options,
  );

const NOT_WHOLE: Trouble = {
  code: 'answer_incomplete',
  detail: sentence`The EMR has entries with our payment id, and others that cannot be read.`,
};

const PART: Trouble = {
  code: 'not_there_yet',
  detail: sentence`The EMR has a part of the payment, and the rest may still be on its way.`,
};

/**
 * Decides whether rows that add up to less than the payment may become more: NexHealth may split a payment, and reads the practice's
 * system row by row. They are all there when the whole ledger was read `settle_ms` after the last of them.
 */
function mayGrow(
  rows: readonly OurRow[],
  {
    sum,
    amount,
    sync,
    settleMs,
  }: { sum: string; amount: string; sync: SyncState | Failed; settleMs: number },
): boolean {
  if ((readCents(sum) ?? 0n) >= (readCents(amount) ?? 0n)) return false;
  const times = rows.flatMap(({ readAtMs }) => readAtMs ?? []);
  if (times.length === 0) return false;
  const readAt = sync.ok ? sync.readAt : null;
  return readAt === null || readAt.getTime() - Math.max(...times) < settleMs;
}

type Judged = {
  hints: FindHints;
  sync: SyncState | Failed;
  settleMs: number;
  /** Why there may be more rows; null when all were read. */
  unread: Trouble | null;
};

/** Judges the rows that carry our transaction id. */
function judge(rows: readonly OurRow[], { hints, sync, settleMs, unread }: Judged): FindOutcome {
  const live = rows.filter(({ deleted }) => !deleted);
  const [first] = live;
  if (first === undefined) {
    if (unread !== null) return unavailable(unread);
    // It was posted, and somebody took it back: sending it again is a person's decision.
    const difference = sentence`a mark that it was deleted`;
    return { outcome: 'differs', emrTransactionId: rows[0]?.id ?? '', difference };
  }
  if (live.some(isUnreadable)) {
    const detail = sentence`The EMR's entry with our payment id cannot be read yet.`;
    return unavailable({ code: 'entry_unreadable', detail });
  }
  const found = live.map(({ id, amount }) => ({ id, amount: amount ?? '' })) as [FoundRow, ...FoundRow[]];
  const judged = judgeRows({ rows: found, amount: hints.amount });
  const different = live.map((row) => differencesOf(row, hints)).find((each) => each !== null) ?? null;
  // Rows that are the payment count although a location cannot be read: nothing may be sent again.
  if (judged.outcome === 'found' && different === null) return judged;
  if (unread !== null) return unavailable(unread);
  if (different === null) {
    const sum = judged.outcome === 'several' ? judged.sum : (first.amount ?? '');
    return mayGrow(live, { sum, amount: hints.amount, sync, settleMs }) ? unavailable(PART) : judged;
  }
  if (judged.outcome === 'differs')
    return { ...judged, difference: sentence`${judged.difference} and ${different}` };
  if (live.length === 1) return { outcome: 'differs', emrTransactionId: first.id, difference: different };
  // Rows of another patient or day are no parts of the payment: their sum proves nothing.
  return judged.outcome === 'found' ? { outcome: 'several', rows: judged.rows, sum: judged.sum } : judged;
}

/**
 * Decides whether an empty ledger proves anything. NexHealth writes some time after it has taken a payment, so a ledger that was read
 * sooner than `settle_ms` after the request can have left proves nothing, however long ago that was: an office whose server is off is not read for
 * days (https://docs.nexhealth.com/docs/interpreting-sync-status).
 *
 * @returns why it proves nothing yet; null when every ledger was read after that time, and writing works.
 */
function notInSync(
  { writes, readAt }: SyncState,
  { leftBy, settleMs }: { leftBy: Date | null; settleMs: number },
): Trouble | null {
  if (!writes) {
    const detail = sentence`The practice's system is not connected to NexHealth now, so payments wait there.`;
    return { code: 'not_there_yet', detail };
  }
  if (readAt !== null && (leftBy === null || readAt.getTime() - leftBy.getTime() >= settleMs)) return null;
  const detail = sentence`NexHealth has not read the practice's system long enough after the payment was sent.`;
  return { code: 'not_there_yet', detail };
}

/**
 * Looks for all rows that carry our transaction id, in every location's ledger, or with the setting `location_id` in those of its databases. NexHealth answers from a copy: nothing found proves
 * absence only when the copy is enough newer than the send, so its age is read before it is searched.
 */
export async function findPosting(
  nex: NexConnection,
  hints: FindHints,
  options: CallOptions,
): Promise<FindOutcome> {
  const { location_id: only } = nex.settings;
  const known =
    only === undefined
      ? await everyLocation(nex, options)
      : await withItsDatabases(nex, String(only), options);
  if (!known.ok) return unavailable(known.trouble);
  const places = known.locationIds;
  const sync = await readSyncState(nex, places, options);
  const searched = await Promise.all(
    places.map((locationId) => searchLocation(nex, { locationId, paymentId: hints.paymentId }, options)),
  );
  const read = searched.filter((each) => each.ok);
  const rows = read.flatMap((each) => each.rows);
  const understood = rows
    .map((row) => readRow(row, transactionId(nex.settings, hints)))
    .filter((row) => row !== null);
  const ours = new Map(understood.flatMap(({ ours: row }) => (row === null ? [] : [[row.id, row] as const])));
  const failed = searched.find((each) => !each.ok)?.trouble ?? null;
  if (ours.size > 0) {
    const whole = known.whole && understood.length === rows.length && read.every(({ complete }) => complete);
    const unread = failed ?? (whole ? null : NOT_WHOLE);
    return judge([...ours.values()], { hints, sync, settleMs: nex.settings.settle_ms, unread });
  }
  if (failed !== null) return unavailable(failed);
  if (!sync.ok) return unavailable(sync.trouble);
  const evidence = absent({
    entriesSeen: rows.length,
    entriesUnderstood: understood.length,
    perhapsOurs: 0,
    matches: understood.length,
    total: null,
    complete: known.whole && read.every((each) => each.complete && (each.counted ?? 0) <= each.rows.length),
    errorSaid: read.some(({ errorSaid }) => errorSaid),
    // Rows of other payments only: the filter was ignored.
    searchHonoured: understood.length === 0,
    servedFromCache: read.some((each) => each.servedFromCache),
  });
  if (evidence.outcome !== 'absent') return evidence;
  const trouble = notInSync(sync, { leftBy: hints.leftBy, settleMs: nex.settings.settle_ms });
  return trouble === null ? evidence : unavailable(trouble);
}
