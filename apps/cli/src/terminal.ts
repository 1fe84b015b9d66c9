import { isatty } from 'node:tty';
import { print, type StandardStream } from '@emr-payments/runtime';
import type { Terminal } from './cli.ts';
import { EXIT } from './outcome.ts';

const notWritten = (code: string): string =>
  `The output of this command could not be written (${code}). The command itself has run to its end: look at the record, or at audit list, ` +
  'before you run it again.\n';

/**
 * Opens the streams of this process for a command.
 *
 * A reader that ends early, such as `head`, changes neither what the command does nor its exit code. Output that is lost for another
 * reason, such as a full disk, is a failure of the command: it may have shown a secret that is shown only once.
 *
 * @returns also `exitCode`, which takes the code of the command and returns that of the process; it reports output that was lost. A
 *   standard error that cannot be written changes nothing, because the exit code says the same.
 */
export function openTerminal(): { terminal: Terminal; exitCode: (ofCommand: number) => number } {
  let lost: string | undefined;
  const screen = (stream: StandardStream) => ({
    isTTY: isatty(stream === 'stdout' ? 1 : 2),
    write: (text: string) => {
      const printed = print(stream, text);
      if (stream === 'stdout' && printed.outcome === 'failed') lost ??= printed.code;
    },
  });
  return {
    terminal: {
      // Opened by the commands that read it.
      get stdin() {
        return process.stdin;
      },
      stdout: screen('stdout'),
      stderr: screen('stderr'),
    },
    exitCode(ofCommand) {
      if (lost === undefined) return ofCommand;
      print('stderr', notWritten(lost));
      return ofCommand === EXIT.ok ? EXIT.failed : ofCommand;
    },
  };
}
