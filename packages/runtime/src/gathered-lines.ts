import { destination } from 'pino';

// By hand: sonic-boom 4.2, under pino, copies everything that waits for each new line.

/** Gathered lines are written when they have this many characters, or this long after the first of them. */
const ENOUGH = 16_384;
const AFTER_MS = 100;

/** Takes a logger's lines, each with its line break. */
export type Lines = { write(line: string): void };

/**
 * Writes lines to standard output, many at once: one write for each line would cost more than making the line. The rest is
 * written when the process ends; a kill -9 loses the last tenth of a second of log, and nothing else.
 *
 * pino's own destination (sonic-boom 4.2) can gather too, but it measures all waiting bytes at every new line, and thereby
 * copies its whole buffer, some 8 KB, for each.
 */
export function gatherLines(): Lines {
  // Synchronous: an asynchronous write that is still in progress when the process ends could be overtaken or lost.
  const stdout = destination({ dest: 1, sync: true });
  let text = '';
  let planned = false;

  const flush = (): void => {
    if (text === '') return;
    const lines = text;
    text = '';
    stdout.write(lines);
  };
  process.on('exit', () => {
    flush();
    stdout.flushSync();
  });
  return {
    write(line) {
      text += line;
      if (text.length >= ENOUGH) flush();
      else if (!planned) {
        planned = true;
        setTimeout(() => {
          planned = false;
          flush();
        }, AFTER_MS).unref();
      }
    },
  };
}
