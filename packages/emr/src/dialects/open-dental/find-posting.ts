import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { absent } from '../../absence.ts';
import { centsText, readCents } from '../../amounts.ts';
import type { CallOptions } from '../../calls.ts';
import { judgeRows } from '../../judge-rows.ts';
import { type NoteOf, readNote } from '../../note-marker.ts';
import type { FindHints, FindOutcome, FoundRow } from '../../posting.ts';
import type { TroubleCode } from '../../trouble-codes.ts';
import { dayBefore } from './office-day.ts';
import { readPatientRow } from './patient-rows.ts';
import { CLOSED, OPEN } from './patient-status.ts';
import { type Failed, Key, keyText, readRows } from './rows.ts';
import type { OpenDentalConnection } from './settings.ts';

const DAY = '^\\d{4}-\\d{2}-\\d{2}';

/** A row of `GET /payments` (https://www.opendental.com/site/apipayments.html). `PayAmt` is text: `129.99`, or `339`. */
export const PaymentRow = Type.Object({
  PayNum: Key,
  PatNum: Key,
  PayAmt: Type.Union([Type.String(), Type.Number()]),
  PayDate: Type.String({ pattern: DAY }),
  DateEntry: Type.String({ pattern: DAY }),
  PayNote: Type.String(),
});
type PaymentRow = Static<typeof PaymentRow>;

const foundRow = ({ PayNum, PayAmt }: PaymentRow): FoundRow => ({
  id: keyText(PayNum),
  amount: centsText(readCents(PayAmt) ?? 0n),
});

/** Names our fields that do not agree with a row, the amount aside. @returns null when all agree. */
function difference(hints: FindHints, { PatNum, PayDate }: PaymentRow) {
  if (keyText(PatNum) !== hints.emrPatientId) return sentence`another patient`;
  return PayDate.startsWith(hints.depositDate) ? null : sentence`another deposit date`;
}

/** Reads whose payment a row is. */
const noteOf = (row: PaymentRow, hints: FindHints): NoteOf =>
  readNote({
    note: row.PayNote,
    paymentId: hints.paymentId,
    alike: readCents(row.PayAmt) === readCents(hints.amount) && difference(hints, row) === null,
  });

/** Judges the rows that carry our payment id. */
function judge(
  hints: FindHints,
  {
    ours,
    failed,
    complete,
  }: { ours: readonly [PaymentRow, ...PaymentRow[]]; failed: Failed | null; complete: boolean },
): FindOutcome {
  const [first, ...others] = ours;
  // The sum of amounts proves nothing while one cannot be read.
  if (ours.some(({ PayAmt }) => readCents(PayAmt) === null)) {
    const detail = sentence`The EMR has a payment with our id whose amount cannot be read.`;
    return { outcome: 'unavailable', code: 'entry_unreadable', detail };
  }
  const wrong = ours.map((row) => difference(hints, row)).find((each) => each !== null);
  if (others.length === 0 && wrong !== undefined)
    return { outcome: 'differs', emrTransactionId: keyText(first.PayNum), difference: wrong };
  const judged = judgeRows({ rows: [foundRow(first), ...others.map(foundRow)], amount: hints.amount });
  if (judged.outcome === 'found' && wrong !== undefined) return { ...judged, outcome: 'several' };
  // One row that is the payment is enough: nothing is sent again. For anything else all rows have to be known.
  if (judged.outcome === 'found' || complete) return judged;
  if (failed !== null) return { outcome: 'unavailable', ...failed.trouble };
  const detail = sentence`The EMR's list of payments changed while it was read.`;
  return { outcome: 'unavailable', code: 'answer_incomplete', detail };
}

const unavailable = (code: TroubleCode, detail: OurSentence): FindOutcome => ({
  outcome: 'unavailable',
  code,
  detail,
});
const NO_PATIENT = sentence`The EMR does not know the patient, so it cannot be asked for the payment (HTTP 404).`;
const CLOSED_PATIENT = sentence`The patient is archived or deleted in the EMR, so the payment may be another patient's there.`;

/**
 * Says why nothing follows from a patient without our payment; null when the payments that the patient had are still the patient's. A merge
 * moves them to the other patient and archives this one (https://www.opendental.com/manual/mergepatients.html).
 */
async function doubtAbout(
  connection: OpenDentalConnection,
  { emrPatientId }: FindHints,
  options: CallOptions,
): Promise<FindOutcome | null> {
  const read = await readPatientRow(connection, emrPatientId, options);
  if ('outcome' in read) return read;
  const { row, servedFromCache } = read;
  if (row === null) return unavailable('unknown_patient', NO_PATIENT);
  if (servedFromCache)
    return unavailable('answer_cached', sentence`The EMR's answer may be older than our request.`);
  if (CLOSED.has(row.PatStatus)) return unavailable('unknown_patient', CLOSED_PATIENT);
  if (OPEN.has(row.PatStatus) && keyText(row.PatNum) === emrPatientId) return null;
  return unavailable(
    'answer_not_understood',
    sentence`The EMR's answer is not the patient of the payment, or has a status that is not documented.`,
  );
}

/**
 * Looks a payment up among those that the office entered for the patient since the day before the earliest send. `DateEntry` is the
 * office's own date, and a filter that the EMR does not know it ignores, so every row is compared with what was asked. That none is ours
 * proves something only while the patient is the one to whom it was posted (`doubtAbout`).
 */
export async function findPosting(
  connection: OpenDentalConnection,
  hints: FindHints,
  options: CallOptions,
): Promise<FindOutcome> {
  const since = dayBefore(hints.sentAt ?? new Date(), connection.timeZone);
  const read = await readRows(
    connection,
    {
      resource: '/payments',
      key: 'PayNum',
      query: { PatNum: hints.emrPatientId, DateEntry: since },
      schema: PaymentRow,
      unshared: true,
      toTheLast: true,
    },
    options,
  );
  if (!read.ok) {
    // "404 NotFound (Patient not found)": the patient was merged or removed, which says nothing about the payment.
    if (read.refusal.status !== 404 || !/\bpatient\b/i.test(read.refusal.words))
      return { outcome: 'unavailable', ...read.trouble };
    return unavailable('unknown_patient', NO_PATIENT);
  }
  const { rows, seen, understood, complete, failed } = read;
  const [first, ...others] = rows.filter((row) => noteOf(row, hints) === 'ours');
  if (first !== undefined) {
    const whole = complete && seen === understood;
    return judge(hints, { ours: [first, ...others], failed, complete: whole });
  }
  if (failed !== null) return { outcome: 'unavailable', ...failed.trouble };
  const evidence = absent({
    entriesSeen: seen,
    entriesUnderstood: understood,
    perhapsOurs: rows.filter((row) => noteOf(row, hints) === 'unclear').length,
    matches: rows.length,
    total: null,
    complete,
    errorSaid: false,
    searchHonoured: rows.every(
      ({ PatNum, DateEntry }) => keyText(PatNum) === hints.emrPatientId && DateEntry >= since,
    ),
    servedFromCache: read.servedFromCache,
  });
  if (evidence.outcome !== 'absent') return evidence;
  // The patient is read after the payments: one who was merged between the two reads is archived by now.
  return (await doubtAbout(connection, hints, options)) ?? evidence;
}
