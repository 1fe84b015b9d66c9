export type Page<T> = { data: T[]; has_more: boolean; next_cursor: string | null };

/** A list that fetches its pages while it is gone through, newest first. Each loop over it begins anew. */
export type Listing<T> = AsyncIterable<T> & {
  /** One page alone: of the query's `cursor`, or the first. */
  page(): Promise<Page<T>>;
};

/**
 * @param fetchPage fetches the page of a cursor.
 * @param start the cursor to begin with; undefined is the beginning.
 */
export function listing<T>(
  fetchPage: (cursor: string | undefined) => Promise<Page<T>>,
  start: string | undefined,
): Listing<T> {
  return {
    page: () => fetchPage(start),
    async *[Symbol.asyncIterator]() {
      for (let cursor: string | undefined = start; ; ) {
        const { data, has_more, next_cursor } = await fetchPage(cursor);
        yield* data;
        if (!has_more || next_cursor === null) return;
        cursor = next_cursor;
      }
    },
  };
}
