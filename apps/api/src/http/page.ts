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
 * Reads a time that was validated as `date-time`. Years before 1970 count as 1970: nothing is older, and Postgres and
 * JavaScript do not agree on the first years.
 *
 * @returns null for text that has the form and is no time, such as a 61st second.
 */
export function timeFrom(text: string): Date | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : new Date(Math.max(time, 0));
}
