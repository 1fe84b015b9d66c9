import { waitSync, writeSome } from './print.ts';

// By hand: sonic-boom 4.2, under pino, copies everything that waits for each new line. It also throws out of the logger when the disk is
// full, and tries for ever to write the rest when the process ends.

/** Gathered lines are written when they have this many characters, or this long after the first of them. */
const ENOUGH = 16_384;
const AFTER_MS = 100;

/** Lines that cannot be written wait, up to this many bytes. New ones are dropped then. */
const MOST_WAITING = 1_048_576;

/** How long the end of the process waits for the reader of a full pipe. */
const LAST_MS = 1000;

export type Lines = {
  /** Takes a line of a logger, with its line break. */
  write(line: string): void;
  /** False from a failed write to the next one that succeeds. */
  areWritten(): boolean;
};

const trouble = (code: string): string =>
  `The log cannot be written to standard output (${code}). The process goes on without it: 1 MB of lines wait, later ones are dropped. ` +
  'Restart this process when the reader of its log has ended, or make room on the disk.\n';

/**
 * Writes lines to standard output, many at once: one write for each line would cost more than making the line. The rest is
 * written when the process ends; a kill -9 loses the last tenth of a second of log, and nothing else.
 *
 * A log that cannot be written, because its reader has ended or the disk is full, does not end the process and is not waited for: payments
 * do not need it, since everything that counts is recorded in PostgreSQL. It is tried again every tenth of a second.
 *
 * @param input.afterDropping returns the line that says how many lines are missing before it.
 */
export function gatherLines(input: { afterDropping: (count: number) => string }): Lines {
  let text = '';
  /** Bytes that the last write did not take. */
  let waiting: Uint8Array = new Uint8Array(0);
  let dropped = 0;
  let planned = false;
  let inTrouble = false;

  const flush = (): void => {
    const gathered = Buffer.from(text);
    const bytes = waiting.length === 0 ? gathered : Buffer.concat([waiting, gathered]);
    text = '';
    const { written, code } = writeSome('stdout', bytes);
    waiting = bytes.subarray(written);
    if (code !== undefined) {
      // The reader of a full pipe may only be slow.
      if (!inTrouble && (code !== 'EAGAIN' || dropped > 0)) {
        inTrouble = true;
        writeSome('stderr', Buffer.from(trouble(code)));
      }
      plan();
    } else {
      inTrouble = false;
      if (dropped > 0) {
        text = input.afterDropping(dropped);
        dropped = 0;
        plan();
      }
    }
  };
  const plan = (): void => {
    if (planned) return;
    planned = true;
    setTimeout(() => {
      planned = false;
      flush();
    }, AFTER_MS).unref();
  };
  process.on('exit', () => {
    const until = performance.now() + LAST_MS;
    flush();
    while (waiting.length > 0 && !inTrouble && performance.now() < until) {
      waitSync(10);
      flush();
    }
  });
  return {
    write(line) {
      if (waiting.length > 0 && waiting.length + text.length >= MOST_WAITING) {
        dropped += 1;
        return;
      }
      text += line;
      if (text.length >= ENOUGH && waiting.length === 0) flush();
      else plan();
    },
    areWritten: () => !inTrouble,
  };
}
