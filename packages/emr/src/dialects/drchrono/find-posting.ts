import { randomInt } from 'node:crypto';
import { sentence } from '@emr-payments/contracts';
import { absent } from '../../absence.ts';
import { centsText } from '../../amounts.ts';
import type { CallOptions } from '../../calls.ts';
import { judgeEntries, type OurEntry } from '../../judge-entries.ts';
import type { FindHints, FindOutcome } from '../../posting.ts';
import { doubtAboutChart } from './doubt-about-chart.ts';
import { centsOf, differencesOf, noteOf, RowSchema } from './payment.ts';
import { PAYMENTS, readPages } from './read-pages.ts';
import type { DrChrono } from './settings.ts';

/**
 * `since` is the time of the last change, without a time zone (https://app.drchrono.com/api-docs/). Two days before the earliest
 * send are before it in every zone, and with clocks that differ.
 */
const BEFORE_MS = 2 * 24 * 60 * 60 * 1000;
/** A page has at most 250 rows. The size is drawn by lot, so that a cache that obeys no header has no answer for it. */
const PAGE_SIZES = [200, 251] as const;

function queryFor({ emrPatientId, sentAt }: FindHints): string {
  const since = new Date((sentAt?.getTime() ?? Date.now()) - BEFORE_MS);
  return `?${new URLSearchParams({
    patient: emrPatientId,
    since: since.toISOString().slice(0, 19),
    page_size: String(randomInt(...PAGE_SIZES)),
  })}`;
}

/**
 * Looks for the payment among the patient's payments since before its send: DrChrono cannot search by our marker. All pages are
 * read and every row is checked, also whether it is the patient's. Rows whose notes begin with the marker are judged by their sum. That none
 * is ours proves something only while the chart takes payments (`doubtAboutChart`).
 */
export async function findPosting(
  { session }: Pick<DrChrono, 'session'>,
  hints: FindHints,
  options: CallOptions,
): Promise<FindOutcome> {
  const pages = await readPages(
    session,
    { list: PAYMENTS, schema: RowSchema, query: queryFor(hints) },
    options,
  );
  const ours = pages.rows.filter((row) => noteOf(row, hints) === 'ours');
  // The sum of amounts proves nothing while one cannot be read.
  if (ours.some((row) => centsOf(row) === null)) {
    const detail = sentence`The EMR has a payment with our id whose amount cannot be read.`;
    return { outcome: 'unavailable', code: 'entry_unreadable', detail };
  }
  const entries = ours.map(
    (row): OurEntry => ({
      id: String(row.id),
      amount: centsText(centsOf(row) ?? 0n),
      differences: differencesOf(row, hints),
    }),
  );
  const [first, ...others] = entries;
  if (first !== undefined) {
    const judged = judgeEntries({ entries: [first, ...others], amount: hints.amount });
    // With pages unread there may be more rows, but what is the payment by itself is not sent again.
    if (pages.ok || judged.outcome === 'found') return judged;
  }
  if (!pages.ok) return { outcome: 'unavailable', ...pages.trouble };
  const evidence = absent({
    entriesSeen: pages.entriesSeen,
    entriesUnderstood: pages.entriesUnderstood,
    perhapsOurs: pages.rows.filter((row) => noteOf(row, hints) === 'unclear').length,
    matches: pages.rows.length,
    total: null,
    complete: true,
    errorSaid: false,
    searchHonoured: pages.rows.every(({ patient }) => String(patient) === hints.emrPatientId),
    servedFromCache: pages.servedFromCache,
  });
  if (evidence.outcome !== 'absent') return evidence;
  // The chart is read after the payments: one that was closed between the two reads is closed by now.
  const doubt = await doubtAboutChart(session, hints, options);
  return doubt === null ? evidence : { outcome: 'unavailable', ...doubt };
}
