import { type CursorPlace, decodeCursor, encodeCursor } from './cursor.ts';

/** Entries on a page when the caller does not say. */
const DEFAULT_LIMIT = 20;

export type Page = { limit: number; after: CursorPlace | null };

/** What a list was asked for; null when the cursor is none of ours. */
export function pageFrom(query: { limit?: number; cursor?: string }): Page | null {
  const limit = query.limit ?? DEFAULT_LIMIT;
  if (query.cursor === undefined) return { limit, after: null };
  const after = decodeCursor(query.cursor);
  return after === null ? null : { limit, after };
}

/** What to name in the error when `pageFrom` is null. */
export const BAD_CURSOR = { field: 'cursor', rule: 'must be next_cursor of the page before' };

/**
 * One page of an answer.
 *
 * @param rows one more than fits, so that it is known whether there is another page.
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
