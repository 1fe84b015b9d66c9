import { once } from 'node:events';
import { createReadStream, type ReadStream } from 'node:fs';
import { type Comparison, compareUsersPayments, PaymentsFileError } from '@emr-payments/operations';
import { counted } from '@emr-payments/runtime';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { failure, type Outcome } from '../outcome.ts';
import { table } from '../output/table.ts';

const SHOWN_BAD_LINES = 20;

function outcomeOf({ entries, posted, unknown, notPosted, badLines }: Comparison): Outcome {
  // One that is open is found by itself. The integrator was told that a failed one is not in the EMR.
  const isWrong = notPosted.some(({ status }) => status === 'failed');
  const rows = [
    ...unknown.map((id) => [id, 'unknown']),
    ...notPosted.map(({ paymentId, status }) => [paymentId, status]),
  ];
  const more = badLines.length > SHOWN_BAD_LINES ? ', …' : '';
  const text = [
    `${counted(entries, { one: 'entry', many: 'entries' })}: ${posted} posted, ${notPosted.length} known but not posted, ${unknown.length} unknown`,
    ...(badLines.length === 0
      ? []
      : [`no payment id on line ${badLines.slice(0, SHOWN_BAD_LINES).join(', ')}${more}`]),
    ...(rows.length === 0 ? [] : [table(['PAYMENT_ID', 'HERE'], rows)]),
  ].join('\n');
  return {
    exit: unknown.length === 0 && badLines.length === 0 && !isWrong ? 'ok' : 'failed',
    data: {
      entries,
      posted,
      unknown,
      not_posted: notPosted.map(({ paymentId, status }) => ({ payment_id: paymentId, status })),
      bad_lines: badLines,
    },
    text,
  };
}

/** Resolves when the file is open, so that a missing one is known before anything else is done. */
async function openFile(path: string): Promise<ReadStream> {
  const stream = createReadStream(path);
  try {
    await once(stream, 'open');
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new PaymentsFileError(`The file cannot be read (${code}).`, { cause });
  }
  return stream;
}

/** Compares the EMR's entries with the payments of this service, as after the restore of a backup. */
export function registerCompare(payment: Command, cli: Cli): void {
  payment
    .command('compare')
    .description(
      "compare the EMR's entries with a user's payments; 1 when the EMR has one that is unknown or failed here",
    )
    .argument(
      '<file>',
      'payment ids, one on each line or in a CSV column payment_id; - for the standard input',
    )
    .requiredOption('--user <user_id>', 'the user whose EMR has the entries')
    .action((file: string, { user: publicId }: { user: string }) =>
      cli.run(async ({ database, by, terminal }) => {
        try {
          const open = async () => (file === '-' ? terminal.stdin : await openFile(file));
          const compared = await compareUsersPayments({ database }, { publicId, open, by });
          if (compared.outcome === 'no_user') return failure('not_found', `There is no user ${publicId}.`);
          return outcomeOf(compared.comparison);
        } catch (error) {
          if (error instanceof PaymentsFileError) return failure('failed', error.message);
          throw error;
        }
      }),
    );
}
