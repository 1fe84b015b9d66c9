/*
 * By hand: a cursor is a time and an id in base64url; the libraries for it belong to an ORM or to GraphQL.
 */

/** The entry that a page ended with: the next one begins after it, whatever has been added since. */
export type CursorPlace = { createdAt: Date; id: string };

/** Entries on a page when the query names no limit. */
const DEFAULT_LIMIT = 20;

export type Page = { limit: number; after: CursorPlace | null };

/** Reads the page that a list's query names; null when the cursor is not one of ours. */
export function pageFrom(query: { limit?: number; cursor?: string }): Page | null {
  const limit = query.limit ?? DEFAULT_LIMIT;
  if (query.cursor === undefined) return { limit, after: null };
  const after = decodeCursor(query.cursor);
  return after === null ? null : { limit, after };
}

/** The field and the rule for the error when `pageFrom` is null. */
export const BAD_CURSOR = { field: 'cursor', rule: 'must be next_cursor of the page before' };

/**
 * Cuts one page of an answer out of what was read.
 *
 * @param rows up to `limit` + 1 of them: the surplus one proves that there is another page.
 */
export function pageOf<T>(
  rows: readonly T[],
  { limit, placeOf }: { limit: number; placeOf: (row: T) => CursorPlace },
) {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit;
  return {
    rows: shown,
    has_more: hasMore,
    next_cursor: hasMore && last !== undefined ? encodeCursor(placeOf(last)) : null,
  };
}

/** Writes a place as `next_cursor`: opaque to callers, and nothing secret. */
function encodeCursor({ createdAt, id }: CursorPlace): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** Reads a cursor back; null when we did not write it. */
function decodeCursor(text: string): CursorPlace | null {
  const [, time = '', id = ''] =
    /^(\d{1,15})\.([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  const createdAt = new Date(Number(time));
  return id === '' || Number.isNaN(createdAt.getTime()) ? null : { createdAt, id };
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
