import { sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { CallOptions } from '../../calls.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { type ListPatientsOutcome, patientsUnavailable } from '../../patients.ts';
import { listedPatient } from './patient-row.ts';
import { PATIENTS, readPage } from './read-pages.ts';
import type { DrChrono } from './settings.ts';

/** The largest page (https://app.drchrono.com/api-docs/): the limit of requests is small. */
const PAGE_SIZE = 250;

/**
 * `since` is the time of the last change, without a time zone (https://app.drchrono.com/api-docs/). A day before the EMR's clock is
 * before it in every zone of the vendor's practices.
 */
const BEFORE_MS = 24 * 60 * 60 * 1000;

/** Where the next page begins: its query, as the vendor's link has it, and the watermark of the run, which its first page decides. */
const CursorSchema = Type.Object(
  {
    q: Type.String({ pattern: '^\\?[^#]+$' }),
    w: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false },
);

const EXPIRED = {
  outcome: 'unavailable',
  code: 'cursor_expired',
  detail: sentence`The EMR does not know the place in its list of patients at which the reading was to go on.`,
} as const;

const since = (time: number): string => new Date(time - BEFORE_MS).toISOString().slice(0, 19);

/** Reads one page of `GET /api/patients?since=` (https://app.drchrono.com/api-docs/, patients), inactive charts among them. */
export async function listPatients(
  { session }: Pick<DrChrono, 'session'>,
  input: { since: string | null; cursor: string | null },
  options: CallOptions,
): Promise<ListPatientsOutcome> {
  const cursor = input.cursor === null ? null : readJsonAs(CursorSchema, input.cursor);
  if (input.cursor !== null && cursor === null) return EXPIRED;
  const first = `?${new URLSearchParams({
    ...(input.since === null ? {} : { since: input.since }),
    page_size: String(PAGE_SIZE),
  })}`;
  const query = cursor?.q ?? first;
  const page = await readPage(session, { list: PATIENTS, query }, options);
  if (!page.ok) {
    // A cursor that is not good is "Invalid cursor." with 404 (https://www.django-rest-framework.org/api-guide/pagination/).
    if (cursor !== null && page.status === 404) return EXPIRED;
    return patientsUnavailable(page.trouble);
  }
  if (page.servedFromCache) {
    const detail = sentence`The EMR's answer may be older than our request.`;
    return { outcome: 'unavailable', code: 'answer_cached', detail };
  }
  if (page.next === query) {
    const detail = sentence`The EMR's list leads back to a page of it.`;
    return { outcome: 'unavailable', code: 'bad_answer', detail };
  }
  const read = page.rows.map(listedPatient);
  const patients = read.filter((each) => each !== null);
  const answered = page.answeredAt === null ? null : since(page.answeredAt);
  const watermark = cursor === null ? answered : cursor.w;
  return {
    outcome: 'page',
    patients,
    unreadable: read.length - patients.length,
    next: page.next === null ? null : JSON.stringify({ q: page.next, w: watermark }),
    watermark,
  };
}
