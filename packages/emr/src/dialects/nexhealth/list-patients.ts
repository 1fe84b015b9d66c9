import { sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { CallOptions } from '../../calls.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { type ListPatientsOutcome, patientsUnavailable } from '../../patients.ts';
import type { Trouble } from '../../trouble.ts';
import { saysError } from './envelope.ts';
import { databasesOf, listedPatient } from './patient-row.ts';
import { LEDGER, readPage } from './read.ts';
import type { NexConnection } from './settings.ts';

/** Half of the largest page: NexHealth's rows are large, and a practice of 100,000 patients takes 200 requests of 1,000 a minute. */
const PAGE_SIZE = 500;
/** Most databases of a practice that a cursor names. */
const MOST_PLACES = 200;

/**
 * How long before NexHealth's clock the next run begins: what it is about to write at that moment has an earlier time. A second look at a
 * patient costs nothing.
 */
const BEFORE_MS = 10 * 60 * 1000;

/**
 * Where the next page begins: the databases of which pages are still to be read, by one location each, the place in the first of them, and
 * the watermark of the run, which its first page decides.
 */
const CursorSchema = Type.Object(
  {
    p: Type.Array(Type.String({ pattern: '^[1-9]\\d{0,18}$' }), { minItems: 1, maxItems: MOST_PLACES }),
    c: Type.Optional(Type.String({ minLength: 1 })),
    w: Type.Union([Type.String(), Type.Null()]),
  },
  { additionalProperties: false },
);

const EXPIRED: Trouble = {
  code: 'cursor_expired',
  detail: sentence`The EMR does not know the place in its list of patients at which the reading was to go on.`,
};

const sinceOf = (time: number): string => new Date(time - BEFORE_MS).toISOString();

/** Says why a page proves nothing; null when it does. */
function doubt(page: Extract<Awaited<ReturnType<typeof readPage>>, { ok: true }>): Trouble | null {
  const { page_info: info } = page.list;
  if (saysError(page.list))
    return { code: 'answer_incomplete', detail: sentence`The EMR reported an error with its list.` };
  if (info === undefined)
    return { code: 'answer_incomplete', detail: sentence`The EMR does not say whether its list goes on.` };
  if (page.cached)
    return { code: 'answer_cached', detail: sentence`The EMR's answer may be older than our request.` };
  return null;
}

/**
 * Reads one page of `GET /patients?updated_since=` (https://docs.nexhealth.com/reference/getpatients), inactive ones among them, one database
 * after the other.
 */
export async function listPatients(
  nex: NexConnection,
  input: { since: string | null; cursor: string | null },
  options: CallOptions,
): Promise<ListPatientsOutcome> {
  const given = input.cursor === null ? null : readJsonAs(CursorSchema, input.cursor);
  if (input.cursor !== null && given === null) return patientsUnavailable(EXPIRED);
  const places =
    given === null
      ? await databasesOf(nex, options)
      : { ok: true as const, locationIds: given.p, whole: true };
  if (!places.ok) return patientsUnavailable(places.trouble);
  if (!places.whole) {
    const detail = sentence`The EMR's list of locations could not be read as a whole.`;
    return patientsUnavailable({ code: 'answer_incomplete', detail });
  }
  const [locationId, ...others] = places.locationIds;
  if (locationId === undefined || others.length >= MOST_PLACES) {
    const detail = sentence`The EMR's list of locations has none, or too many.`;
    return patientsUnavailable({ code: 'list_not_found', detail });
  }
  const after = given?.c;
  const page = await readPage(
    nex,
    {
      path: '/patients',
      query: {
        subdomain: nex.settings.subdomain,
        location_id: locationId,
        sort: 'id',
        per_page: PAGE_SIZE,
        ...(input.since === null ? {} : { updated_since: input.since }),
        ...(after === undefined ? {} : { end_cursor: after }),
      },
      headers: LEDGER,
      unshared: true,
    },
    options,
  );
  if (!page.ok) {
    // NexHealth does not say how it refuses a place that it does not know; with any other request these say the same of the first page.
    const lost = after !== undefined && (page.refusal.status === 400 || page.refusal.status === 404);
    return patientsUnavailable(lost ? EXPIRED : page.trouble);
  }
  const trouble = doubt(page);
  if (trouble !== null) return patientsUnavailable(trouble);
  const { data, page_info: info } = page.list;
  const more = info?.has_next_page === true;
  if (more && (!info.end_cursor || info.end_cursor === after)) {
    const detail = sentence`The EMR says that there is another page, and not where it begins.`;
    return patientsUnavailable({ code: 'bad_answer', detail });
  }
  const read = data.map(listedPatient);
  const patients = read.filter((each) => each !== null);
  const answered = page.answeredAt === null ? null : sinceOf(page.answeredAt);
  const watermark = given === null ? answered : given.w;
  const following = more
    ? { p: places.locationIds, c: info.end_cursor, w: watermark }
    : others.length > 0
      ? { p: others, w: watermark }
      : null;
  return {
    outcome: 'page',
    patients,
    unreadable: read.length - patients.length,
    next: following === null ? null : JSON.stringify(following),
    watermark,
  };
}
