export type Page<T> = { data: T[]; has_more: boolean; next_cursor: string | null };

/** A list, newest first, that fetches its pages while you iterate. Every loop starts from the beginning. */
export type Listing<T> = AsyncIterable<T> & {
  /** Fetches a single page: that of the query's `cursor`, or the first. */
  page(): Promise<Page<T>>;
};

/**
 * Makes a list out of a function that fetches one page.
 *
 * @param fetchPage fetches the page at a cursor.
 * @param start the cursor to start at; undefined for the first page.
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
