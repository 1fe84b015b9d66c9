import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { PatientsFileError } from './file-error.ts';

/** Far above any real line and record (two ids of at most 255 characters, and columns that are ignored). */
export const LONGEST = 64 * 1024;

const LF = 10;
const CR = 13;

const BYTE_ORDER_MARKS = [
  { mark: Buffer.from([0xef, 0xbb, 0xbf]), encoding: 'utf-8' },
  { mark: Buffer.from([0xff, 0xfe]), encoding: 'utf-16le' },
  { mark: Buffer.from([0xfe, 0xff]), encoding: 'utf-16be' },
] as const;

const ZIP = Buffer.from('PK\u0003\u0004');

/** Reads until the first bytes are there, which name the encoding; yields them with all that follows. */
async function* withHead(input: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  let whole = false;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Buffer);
    if (whole) yield bytes;
    else {
      head = Buffer.concat([head, bytes]);
      whole = head.length >= ZIP.length;
      if (whole) yield head;
    }
  }
  if (!whole) yield head;
}

/** Yields the file as UTF-8 without its byte order mark. UTF-16 is read when the mark says so. */
async function* asUtf8(input: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  let decoder: TextDecoder | null | undefined;
  for await (const chunk of withHead(input)) {
    if (decoder === undefined) {
      if (chunk.subarray(0, ZIP.length).equals(ZIP)) {
        throw new PatientsFileError("The file is a workbook and not a CSV file: save it as 'CSV UTF-8'.");
      }
      const found = BYTE_ORDER_MARKS.find(({ mark }) => chunk.subarray(0, mark.length).equals(mark));
      const encoding = found?.encoding ?? 'utf-8';
      // Half a character becomes U+FFFD here, which no id may contain.
      decoder = encoding === 'utf-8' ? null : new TextDecoder(encoding, { ignoreBOM: true });
      const text = chunk.subarray(found?.mark.length ?? 0);
      yield decoder === null ? text : Buffer.from(decoder.decode(text, { stream: true }));
    } else yield decoder === null ? chunk : Buffer.from(decoder.decode(chunk, { stream: true }));
  }
  if (decoder) yield Buffer.from(decoder.decode());
}

/** Counts lines for messages: by LF, as editors do, and by CR in a file that has no LF. */
function lineCounter() {
  let lf = 0;
  let cr = 0;
  return {
    pass(bytes: Buffer): void {
      for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) lf += 1;
      if (lf > 0) return;
      for (let at = bytes.indexOf(CR); at >= 0; at = bytes.indexOf(CR, at + 1)) cr += 1;
    },
    /** The line that follows what was passed. */
    next: () => 1 + (lf > 0 ? lf : cr),
  };
}

/** The part of whole lines up to the first that does not satisfy. Only for the message: `bytes` has such a line. */
function beforeBadLine(bytes: Buffer, isGood: (line: Buffer) => boolean): Buffer {
  let start = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] !== LF && bytes[at] !== CR) continue;
    if (!isGood(bytes.subarray(start, at))) break;
    start = at + 1;
  }
  return bytes.subarray(0, start);
}

/** The end of the last whole line; 0 when there is none. A CR at the very end may be half of a CRLF. */
const endOfLines = (bytes: Buffer): number =>
  Math.max(bytes.lastIndexOf(LF), bytes.length < 2 ? -1 : bytes.lastIndexOf(CR, bytes.length - 2)) + 1;

/**
 * Yields the text of a file as blocks of whole lines, in UTF-8 without a byte order mark. The end of the last block is the end
 * of the file. Memory use does not grow with the file.
 *
 * @throws PatientsFileError, with the number of the line, for text that is not UTF-8 or UTF-16 with its mark, for NUL (UTF-16
 *   without a mark has it in every ASCII character), and for a line longer than `LONGEST`.
 */
export async function* readLines(input: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  const counter = lineCounter();
  const check = (block: Buffer): Buffer => {
    const isGood = (line: Buffer) => !line.includes(0) && isUtf8(line);
    if (!isGood(block)) {
      counter.pass(beforeBadLine(block, isGood));
      const what = block.includes(0)
        ? 'has NUL characters: the file is damaged, or in UTF-16 without a byte order mark'
        : 'has characters that are not UTF-8';
      throw new PatientsFileError(
        `Line ${counter.next()} ${what}. Nothing was written. Save the file as 'CSV UTF-8', and import it again.`,
      );
    }
    counter.pass(block);
    return block;
  };
  let rest = Buffer.alloc(0);
  for await (const chunk of asUtf8(input)) {
    const bytes = Buffer.concat([rest, chunk]);
    const end = endOfLines(bytes);
    if (end > 0) yield check(bytes.subarray(0, end));
    rest = bytes.subarray(end);
    if (rest.length > LONGEST) {
      throw new PatientsFileError(
        `The file is not a CSV file: line ${counter.next()} is too long. Nothing was written.`,
      );
    }
  }
  if (rest.length > 0) yield check(rest);
}
