import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/*
 * By hand: a cursor is a time, an id and the mark of its list; the libraries for it belong to an ORM or to GraphQL.
 */

/** The entry that a page ended with: the next one begins after it, whatever has been added since. */
export type CursorPlace = { createdAt: Date; id: string };

/** Entries on a page when the query names no limit. */
const DEFAULT_LIMIT = 20;

/** `mark`: of the list and its filters, for the cursor of the next page. */
export type Page = { limit: number; after: CursorPlace | null; mark: Mark };

export type ReadPage =
  | { outcome: 'page'; page: Page }
  | { outcome: 'invalid'; field: 'cursor'; rule: string; hint?: string };

/** The rule of the field `cursor`, in the sentence that names it. */
export const CURSOR_RULE = 'must be next_cursor of the page before';

const BEGIN_AGAIN = 'or leave out `cursor` to begin with the first page.';
const OTHER_LIST = `This cursor belongs to another list, or to that of another user: send it where it came from, ${BEGIN_AGAIN}`;
const OTHER_FILTERS = `This cursor was made with other filters: send the filters of the page before, ${BEGIN_AGAIN}`;

/**
 * Reads the page that a request to a list names. A cursor of another list, path or caller, or of a page with other filters, is refused:
 * with it, entries would be skipped in silence.
 *
 * @param options.ids the form of the list's ids. A cursor with another id was not written by us.
 */
export function pageFrom(request: FastifyRequest, { ids = /^/ }: { ids?: RegExp } = {}): ReadPage {
  const { limit = DEFAULT_LIMIT, cursor } = request.query as { limit?: number; cursor?: string };
  const mark = markOf(request);
  if (cursor === undefined) return { outcome: 'page', page: { limit, after: null, mark } };
  const read = decodeCursor(cursor);
  const bad = { outcome: 'invalid', field: 'cursor', rule: CURSOR_RULE } as const;
  if (read === null) return bad;
  // The release before wrote cursors without a mark. Refuse them in the release after this one.
  if (read.mark !== null) {
    if (read.mark.list !== mark.list) return { ...bad, hint: OTHER_LIST };
    if (read.mark.filters !== mark.filters) return { ...bad, hint: OTHER_FILTERS };
  }
  if (!ids.test(read.after.id)) return bad;
  return { outcome: 'page', page: { limit, after: read.after, mark } };
}

/**
 * Cuts one page of an answer out of what was read.
 *
 * @param rows up to `limit` + 1 of them: the surplus one proves that there is another page.
 */
export function pageOf<T>(
  rows: readonly T[],
  { limit, mark, placeOf }: Pick<Page, 'limit' | 'mark'> & { placeOf: (row: T) => CursorPlace },
) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit;
  return {
    rows: shown,
    has_more: hasMore,
    next_cursor: hasMore && last !== undefined ? encodeCursor(placeOf(last), mark) : null,
  };
}

/** Two digests that tell lists apart, and the filters of one list. They guard against mistakes; a cursor gives no access. */
type Mark = { list: string; filters: string };

/** Characters of a digest: 48 bits. */
const MARK_LENGTH = 8;

/**
 * Query fields that may differ from page to page: a list is in the order of its time, so a bound that moves adds or takes entries at its
 * ends only.
 */
const MAY_DIFFER = new Set(['limit', 'cursor', 'created_after', 'created_before', 'since']);

function markOf({ routeOptions, params, query, caller, clientCaller }: FastifyRequest): Mark {
  const filters = Object.entries(query as Record<string, unknown>)
    .filter(([field]) => !MAY_DIFFER.has(field))
    .map(([field, value]) => [field, Array.isArray(value) ? value.toSorted() : value])
    .sort();
  return {
    list: digest([routeOptions.url, params, clientCaller?.clientPk, caller?.userId]),
    filters: digest(filters),
  };
}

const digest = (value: unknown): string =>
  hash('sha256', JSON.stringify(value), 'base64url').slice(0, MARK_LENGTH);

/**
 * Writes a place as `next_cursor`: opaque to callers, and nothing secret. The mark is behind a `=`, where base64 ends: the release
 * before reads the place and ignores the rest.
 */
function encodeCursor({ createdAt, id }: CursorPlace, { list, filters }: Mark): string {
  return `${Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url')}=${list}${filters}`;
}

/** With two marks of `MARK_LENGTH`. */
const CURSOR = /^([\w-]+)(?:=([\w-]{8})([\w-]{8}))?$/;

/** Reads a cursor back; null when we did not write it. */
function decodeCursor(text: string): { after: CursorPlace; mark: Mark | null } | null {
  const [, place = '', list, filters] = CURSOR.exec(text) ?? [];
  const [, time = '', id = ''] =
    /^(\d{1,15})\.([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(place, 'base64url').toString()) ?? [];
  const createdAt = new Date(Number(time));
  if (id === '' || Number.isNaN(createdAt.getTime())) return null;
  return {
    after: { createdAt, id },
    mark: list === undefined || filters === undefined ? null : { list, filters },
  };
}

/**
 * Reads a time that was validated as `date-time`, down to its millisecond. Years before 1970 count as 1970: nothing is older, and
 * Postgres and JavaScript do not agree on the first years.
 */
export function timeFrom(text: string): Date {
  return new Date(Math.max(Date.parse(text), 0));
}

/** Digits after the milliseconds, of which one is not 0. */
const FINER = /\.\d{3}\d*[1-9]/;

/**
 * Reads a time before which entries are wanted, as `timeFrom`. What we store has whole milliseconds, and `.123456` is later than
 * `.123`: it counts as the next millisecond, otherwise an entry of `.123` would be missing.
 */
export function endFrom(text: string): Date {
  const time = timeFrom(text);
  return FINER.test(text) ? new Date(time.getTime() + 1) : time;
}
