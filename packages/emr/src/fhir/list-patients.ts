import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { Static } from '@sinclair/typebox';
import type { CallOptions } from '../calls.ts';
import type { ListedPatient, ListPatientsOutcome } from '../patients.ts';
import type { TroubleCode } from '../trouble-codes.ts';
import { linkOf, pathOfLink } from './links.ts';
import { type Cursor, cursorText, LONGEST_CURSOR, readCursor } from './list-cursor.ts';
import { mrnsOf, type Patient, PatientSchema, type PatientServer, stateOf } from './patient.ts';
import { type Failed, type Freshness, readResource } from './read.ts';
import { type Page, readPage } from './read-page.ts';
import { BundleSchema } from './resources.ts';
import { filtersIn } from './self-link.ts';

/** A hundred patients, some of them with a photo in the resource. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const PAGE_ROWS = 100;
/** Longer than a server needs to make visible what it dates earlier: a transaction that is open, or a copy that is behind. */
const OVERLAP_MS = 300_000;
const WATERMARK = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/;

/** A server whose patients are listed. */
export type ListingServer = PatientServer & {
  /** True: patients can be searched by `_lastUpdated` and sorted by it. False: they are sorted by `_id`, and each run reads all. */
  changes: boolean;
  /** Reads the path below the base URL to which a link leads; null when it leads elsewhere. Absent: as FHIR resolves it. */
  pathOfNext?(url: string): string | null;
};

type Bundle = Static<typeof BundleSchema>;
type Input = { since: string | null; cursor: string | null };

const unavailable = (code: TroubleCode, detail: OurSentence): ListPatientsOutcome => ({
  outcome: 'unavailable',
  code,
  detail,
});
const expired = (): ListPatientsOutcome =>
  unavailable('cursor_expired', sentence`The EMR cannot go on with its list of patients.`);

/** The instant in the form of FHIR, in whole milliseconds: an earlier one than the server's own, if it counts finer. */
const instant = (ms: number): string => new Date(ms).toISOString();

const timeOf = ({ meta }: { meta?: { lastUpdated?: string } | undefined }): number =>
  Date.parse(meta?.lastUpdated ?? '');

/**
 * The watermark of a run whose first page this is, by the EMR's clock; null when it does not show its clock. In whole seconds, because
 * some servers show the time of a patient so.
 */
function watermarkOf(bundle: Bundle, { dateMs }: Freshness): string | null {
  const [shown] = [dateMs, timeOf(bundle)].filter((ms) => !Number.isNaN(ms)).sort((a, b) => a - b);
  return shown === undefined ? null : instant(Math.floor((shown - OVERLAP_MS) / 1000) * 1000);
}

function firstCursor({ session, changes }: ListingServer, since: string | null): Cursor {
  // A text that is no watermark of such a server says nothing: everything is read.
  const ms = WATERMARK.test(since ?? '') ? Date.parse(since ?? '') : Number.NaN;
  const from = changes && !Number.isNaN(ms) ? { from: instant(ms) } : {};
  return { base: session.baseUrl, ...from, seen: [], given: 0 };
}

function searchPath({ changes }: ListingServer, { from }: Cursor): string {
  const query = new URLSearchParams({
    ...(from === undefined ? {} : { _lastUpdated: `ge${from}` }),
    _sort: changes ? '_lastUpdated' : '_id',
    _count: String(PAGE_ROWS),
  });
  return `Patient?${query}`;
}

/** Says why a page that was read is none of the list; null when it is one. */
function problemOf(
  server: ListingServer,
  { at, page, bundle, freshness }: { at: Cursor; page: Page<Patient>; bundle: Bundle; freshness: Freshness },
): ListPatientsOutcome | null {
  if (freshness.servedFromCache)
    return unavailable('answer_cached', sentence`The EMR's answer may be older than our request.`);
  if (page.errorSaid || !page.complete)
    return unavailable('answer_incomplete', sentence`The EMR says that its list of patients is incomplete.`);
  const filters = at.path === undefined ? filtersIn(linkOf(bundle, 'self')?.url, server.session) : undefined;
  const asked = filters === undefined || filters?.every(([name]) => name === '_lastUpdated') === true;
  const from = Date.parse(at.from ?? '');
  // The bound is in whole milliseconds, and no patient's time is rounded down to an earlier one.
  const bounded = Number.isNaN(from) || page.matches.every((patient) => !(timeOf(patient) < from));
  if (!page.searchHonoured || !asked || !bounded)
    return unavailable('search_not_honoured', sentence`The EMR gave another list of patients than this one.`);
  // Who is taken out of a list that is counted by places moves the others past us.
  if (at.path !== undefined && (bundle.total ?? Infinity) < (at.total ?? 0)) return expired();
  return null;
}

/** True for a refusal by which a server says that it has forgotten a search: HAPI answers 410. */
const hasForgotten = ({ refusal, complained }: Failed): boolean =>
  complained === true && [400, 404, 410].includes(refusal.status ?? 0);

/**
 * True when the server says that it has sorted by time. The self link has "the parameters that were actually used to process the search"
 * (https://hl7.org/fhir/R4/search.html#conformance): a server that ignores `_sort` may show times that rise on one page, and earlier ones
 * on the next.
 */
function saysSorted(bundle: Bundle, { baseUrl }: { baseUrl: string }): boolean {
  const url = URL.parse(linkOf(bundle, 'self')?.url ?? '', `${baseUrl}/`);
  return url?.searchParams.get('_sort') === '_lastUpdated';
}

/**
 * Finds the place where the next page begins. Where the patients are sorted by time, and their times are shown and rise, a new search
 * begins at the last of them: it needs nothing that the server could forget, and who changes or is removed meanwhile moves nobody past us.
 * Elsewhere, and where a whole page has changed in one millisecond, the server's own link is followed.
 */
function nextOf(
  server: ListingServer,
  { at, page, bundle, path }: { at: Cursor; page: Page<Patient>; bundle: Bundle; path: string },
): Cursor | null | 'no page' {
  const link = linkOf(bundle, 'next');
  if (link === undefined) return null;
  const times = page.matches.map(timeOf);
  const last = times.at(-1);
  const rising = times.every((time, place) => place === 0 || (times[place - 1] as number) <= time);
  const { base, watermark, from, seen } = at;
  const run = { base, ...(watermark === undefined ? {} : { watermark }) };
  const sorted =
    server.changes &&
    rising &&
    (at.path !== undefined ? at.sorted === true : saysSorted(bundle, server.session));
  if (sorted && last !== undefined && last > (at.last ?? Number.NEGATIVE_INFINITY)) {
    const ids = page.matches.filter((patient) => timeOf(patient) === last).map(({ id }) => id);
    return { ...run, from: instant(last), last, seen: ids, given: 0 };
  }
  const next =
    server.pathOfNext?.(link.url ?? '') ?? pathOfLink(server.session.baseUrl, { url: link.url, from: path });
  if (next === null || next === path) return 'no page';
  const total = bundle.total ?? at.total;
  return {
    ...run,
    ...(sorted ? { sorted } : {}),
    ...(from === undefined ? {} : { from }),
    ...(last === undefined ? {} : { last }),
    seen,
    path: next,
    ...(total === undefined ? {} : { total }),
    given: at.given + page.entriesSeen,
  };
}

/** The rows of a patient: one for each MRN. */
function rowsOf(server: ListingServer, patient: Patient): ListedPatient[] {
  const mrns = mrnsOf(patient, server.mrnSystem);
  const state = stateOf(patient, server.session.baseUrl);
  return (mrns.length === 0 ? [null] : mrns).map((mrn) => ({ mrn, emrPatientId: patient.id, ...state }));
}

/** Reads one page of the practice's patients, of those who changed since a watermark or of all. */
export async function listPatients(
  server: ListingServer,
  { since, cursor }: Input,
  { signal }: CallOptions,
): Promise<ListPatientsOutcome> {
  const started = cursor === null ? firstCursor(server, since) : readCursor(cursor, server.session);
  if (started === null) return expired();
  const path = started.path ?? searchPath(server, started);
  const read = await readResource(server, {
    path,
    schema: BundleSchema,
    signal,
    request: 'GET /Patient',
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  if (!read.ok)
    return started.path !== undefined && hasForgotten(read)
      ? expired()
      : { outcome: 'unavailable', ...read.trouble };
  const { value: bundle, freshness } = read;
  const page = readPage(bundle, PatientSchema);
  const shown = cursor === null && server.changes ? watermarkOf(bundle, freshness) : null;
  const at = shown === null ? started : { ...started, watermark: shown };
  const problem = problemOf(server, { at, page, bundle, freshness });
  if (problem !== null) return problem;
  if (cursor === null && at.from === undefined && page.entriesSeen === 0)
    // A server that takes a right of ours away answers 200 with nothing in it.
    return unavailable('list_not_found', sentence`The EMR lists no patient.`);
  // The patients with whom the last page ended are on this one again, unless they have been removed.
  if (started.path === undefined && started.seen.length > 0 && page.entriesSeen === 0) return expired();
  const next = nextOf(server, { at, page, bundle, path });
  const text = next === null || next === 'no page' ? null : cursorText(next);
  if (next === 'no page' || (text?.length ?? 0) > LONGEST_CURSOR) {
    const detail = sentence`The EMR's link to the next page leads to no page of the same server.`;
    return unavailable('bad_answer', detail);
  }
  if (next === null && at.given + page.entriesSeen < (bundle.total ?? 0)) {
    const detail = sentence`The EMR counts more patients than its list has.`;
    return unavailable('answer_incomplete', detail);
  }
  const seen = new Set(at.seen);
  const fresh = page.matches.filter((patient) => !(seen.has(patient.id) && timeOf(patient) === at.last));
  return {
    outcome: 'page',
    patients: fresh.flatMap((patient) => rowsOf(server, patient)),
    unreadable: page.entriesSeen - page.entriesUnderstood,
    next: text,
    watermark: at.watermark ?? null,
  };
}
