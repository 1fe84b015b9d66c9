import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { listedMrn } from '../../listed-mrn.ts';
import type { ListedPatient, ListPatientsOutcome } from '../../patients.ts';
import type { TroubleCode } from '../../trouble-codes.ts';
import { PatientRow } from './patient-rows.ts';
import { CLOSED, OPEN } from './patient-status.ts';
import { keyText, PAGE_ROWS, readPage } from './rows.ts';
import type { OpenDentalConnection } from './settings.ts';

/** "Used instead of GET (multiple) if you need to pass in DateTStamp to get recent changes" (https://www.opendental.com/site/apipatients.html). */
const RESOURCE = '/patients/Simple';
/** The office's local time, without a zone: it repeats an hour when daylight saving ends. */
const TIME = '^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$';
const OVERLAP_MS = 7_200_000;

/** The place after which the next page begins: every page begins with the last row of the one before. */
const CursorSchema = Type.Object({
  /** At another office the place means nothing. */
  place: Type.String(),
  /** Counts the rows before that row, and names it. */
  at: Type.Integer({ minimum: 0 }),
  last: Type.String(),
  watermark: Type.Optional(Type.String({ pattern: TIME })),
});
type Cursor = Static<typeof CursorSchema>;

type Input = { since: string | null; cursor: string | null };
type Read = Exclude<Awaited<ReturnType<typeof readPage>>, { ok: false }>;

const unavailable = (code: TroubleCode, detail: OurSentence): ListPatientsOutcome => ({
  outcome: 'unavailable',
  code,
  detail,
});
const expired = (): ListPatientsOutcome =>
  unavailable('cursor_expired', sentence`The EMR's list of patients changed while it was read.`);

const keyIn = (row: unknown): string | null => (Value.Check(PatientRow, row) ? keyText(row.PatNum) : null);

/** "The serverDateTime is included in the response to use for subsequent requests": the time before the patients were read. */
function watermarkIn([row]: readonly unknown[]): string | null {
  const schema = Type.Object({ serverDateTime: Type.String({ pattern: TIME }) });
  const ms = Value.Check(schema, row) ? Date.parse(`${row.serverDateTime.replace(' ', 'T')}Z`) : Number.NaN;
  if (Number.isNaN(ms)) return null;
  return new Date(ms - OVERLAP_MS)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, '');
}

/** Makes the row of a patient; null for one whose status is in no documentation. */
function listed(
  { settings }: OpenDentalConnection,
  { PatNum, ChartNumber, PatStatus }: PatientRow,
): ListedPatient | null {
  const emrPatientId = keyText(PatNum);
  const mrn = settings.mrn_field === 'ChartNumber' ? listedMrn(ChartNumber) : emrPatientId;
  if (OPEN.has(PatStatus)) return { mrn, emrPatientId, state: 'active' };
  // An archived one may have been merged: the API does not say so.
  return CLOSED.has(PatStatus) ? { mrn, emrPatientId, state: 'closed' } : null;
}

/**
 * Reads the page that begins with the last row that was read before, and one page earlier where it begins with another: rows were added
 * or removed before it.
 *
 * @returns the new rows and the number of rows before them; null when that last row is not found.
 */
async function readAfter(
  connection: OpenDentalConnection,
  { query, after }: { query: Record<string, string>; after: Cursor | null },
  options: CallOptions,
): Promise<
  { read: Read; rows: unknown[]; before: number } | null | Exclude<Awaited<ReturnType<typeof readPage>>, Read>
> {
  const places = after === null ? [0] : [after.at, Math.max(0, after.at - PAGE_ROWS + 1)];
  for (const place of places) {
    const paged = { ...query, Offset: String(place), Limit: String(PAGE_ROWS) };
    const read = await readPage(connection, { resource: RESOURCE, query: paged }, options);
    if (!read.ok) return read;
    if (after === null) return { read, rows: read.raw, before: 0 };
    const found = read.raw.findIndex((row) => keyIn(row) === after.last);
    if (found >= 0) return { read, rows: read.raw.slice(found + 1), before: place + found + 1 };
  }
  return null;
}

/** Reads one page of the office's patients. Deleted ones are in no list: who is missing from a whole one is gone. */
export async function listPatients(
  connection: OpenDentalConnection,
  { since, cursor }: Input,
  options: CallOptions,
): Promise<ListPatientsOutcome> {
  const after = cursor === null ? null : readJsonAs(CursorSchema, cursor);
  if (cursor !== null && after?.place !== connection.place) return expired();
  // A text that is no watermark of an office says nothing: everything is read.
  const from = since !== null && new RegExp(TIME).test(since) ? since : null;
  const query: Record<string, string> = from === null ? {} : { DateTStamp: from };
  const page = await readAfter(connection, { query, after }, options);
  if (page === null) return expired();
  if ('ok' in page) return { outcome: 'unavailable', ...page.trouble };
  const { read, rows, before } = page;
  if (read.cached)
    return unavailable('answer_cached', sentence`The EMR's answer may be older than our request.`);
  if (after === null && from === null && rows.length === 0)
    return unavailable('list_not_found', sentence`The EMR lists no patient.`);
  const full = read.raw.length >= PAGE_ROWS;
  // Rows after the last one that has a key are read with the next page, which begins there.
  const end = full ? rows.findLastIndex((row) => keyIn(row) !== null) + 1 : rows.length;
  if (full && end === 0)
    return unavailable('answer_not_understood', sentence`The EMR's list of patients does not go on.`);
  const watermark = (after === null ? watermarkIn(rows) : (after.watermark ?? null)) ?? from;
  const patients = rows
    .filter((_, place) => place < end)
    .flatMap((row) => (Value.Check(PatientRow, row) ? (listed(connection, row) ?? []) : []));
  const next: Cursor = {
    place: connection.place,
    at: before + end - 1,
    last: keyIn(rows[end - 1]) ?? '',
    ...(watermark === null ? {} : { watermark }),
  };
  return {
    outcome: 'page',
    patients,
    unreadable: end - patients.length,
    next: full ? JSON.stringify(next) : null,
    watermark,
  };
}
