import { destination } from 'pino';

/** Handed on when there are so many characters of them, or this long after the first. */
const ENOUGH = 4096;
const AFTER_MS = 100;

/** Where a logger writes its lines, each with its line break. */
export type Lines = { write(line: string): void };

/**
 * Lines for standard output, written many at once: a write for each would cost more than making it. At the end of the
 * process what is left is written; a kill -9 loses the last tenth of a second of log, and nothing else.
 *
 * Gathered here and not by pino's destination (sonic-boom 4.2), which counts the bytes of all that waits at each line:
 * its string is then copied as a whole for every line added, some 8 KB each.
 */
export function gatherLines(): Lines {
  // Written at once: a piece still under way at the end of the process could be overtaken, or lost.
  const stdout = destination({ dest: 1, sync: true });
  let text = '';
  let planned = false;

  const handOn = (): void => {
    if (text === '') return;
    const lines = text;
    text = '';
    stdout.write(lines);
  };
  process.on('exit', () => {
    handOn();
    stdout.flushSync();
  });
  return {
    write(line) {
      text += line;
      if (text.length >= ENOUGH) handOn();
      else if (!planned) {
        planned = true;
        setTimeout(() => {
          planned = false;
          handOn();
        }, AFTER_MS).unref();
      }
    },
  };
}
