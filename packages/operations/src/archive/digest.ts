import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export type Digest = { sha256: string; bytes: number; rows: number };

const QUOTE = 0x22;
const LINE_FEED = 0x0a;

/**
 * Takes the bytes of a CSV file that PostgreSQL has written, and counts its rows: a line feed inside quotes is part of a text, and a
 * doubled quote opens and closes.
 */
export function createDigest(): { stream: Writable; end(): Digest } {
  const hash = createHash('sha256');
  let bytes = 0;
  let lines = 0;
  let quoted = false;
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      for (const byte of chunk) {
        if (byte === QUOTE) quoted = !quoted;
        else if (byte === LINE_FEED && !quoted) lines += 1;
      }
      done();
    },
  });
  return {
    stream,
    // The first line has the names.
    end: () => ({ sha256: hash.digest('hex'), bytes, rows: lines - 1 }),
  };
}

/** Reads a file back from where it was written. @returns null when there is none. */
export async function digestFile(path: string): Promise<Digest | null> {
  const digest = createDigest();
  try {
    await pipeline(createReadStream(path), digest.stream);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
  return digest.end();
}
