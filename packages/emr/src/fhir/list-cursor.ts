import { type Static, Type } from '@sinclair/typebox';
import { parseAs } from './resources.ts';

/** A longer text is not stored: it comes from a server whose links or ids are beyond good sense. */
export const LONGEST_CURSOR = 16_000;

/** A member that is not there is null: `parseAs` knows no other. */
const CursorSchema = Type.Object(
  {
    /** The base URL: at another server the place means nothing. */
    base: Type.String(),
    /** The watermark of the run. */
    watermark: Type.Optional(Type.String()),
    /** Lower bound of `_lastUpdated` in the search that is being read. */
    from: Type.Optional(Type.String()),
    /** The time of the last patient that was read, in ms. */
    last: Type.Optional(Type.Number()),
    /** True: the server has said that the search which `path` goes on is sorted by time. */
    sorted: Type.Optional(Type.Boolean()),
    /** Ids that were read of those who changed in that very millisecond. */
    seen: Type.Array(Type.String()),
    /** The server's own link to the next page of the search. Without it, the search itself is made. */
    path: Type.Optional(Type.String()),
    /** The matches that the server has counted in the search, and those that its pages have given. */
    total: Type.Optional(Type.Integer()),
    given: Type.Integer(),
  },
  { additionalProperties: false },
);
export type Cursor = Static<typeof CursorSchema>;

export const cursorText = (cursor: Cursor): string => JSON.stringify(cursor);

/** @returns null for a text that is no cursor of this server. */
export function readCursor(text: string, { baseUrl }: { baseUrl: string }): Cursor | null {
  const cursor = parseAs(CursorSchema, text);
  return cursor?.base === baseUrl ? cursor : null;
}
