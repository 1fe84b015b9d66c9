/** The entry that a page ended with: the next one begins after it, whatever has been added since. */
export type CursorPlace = { createdAt: Date; id: string };

/** What callers are given as `next_cursor`: opaque to them, and nothing secret. */
export function encodeCursor({ createdAt, id }: CursorPlace): string {
  return Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');
}

/** null when it is not one of ours. */
export function decodeCursor(text: string): CursorPlace | null {
  const [, time = '', id = ''] =
    /^(\d{1,15})\.([A-Za-z0-9_-]{1,64})$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  const createdAt = new Date(Number(time));
  return id === '' || Number.isNaN(createdAt.getTime()) ? null : { createdAt, id };
}
