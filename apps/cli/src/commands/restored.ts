import type { Doubted, RestoreRecord } from '@emr-payments/db';
import { declareRestored } from '@emr-payments/operations';
import { counted } from '@emr-payments/runtime';
import { instant } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { createProgress } from '../output/progress.ts';
import { pairs } from '../output/table.ts';

/** Idempotency keys are kept for so long: of an older backup even a client that repeats at once makes second payments. */
const OLDEST_DAYS = 7;

function outcomeOf(input: {
  since: Date;
  restore: RestoreRecord;
  doubted: Doubted;
  newest: Date | null;
}): Outcome {
  const { since, restore, doubted, newest } = input;
  const { skippedJobs, finishedAt } = restore;
  const total = Object.values(doubted).reduce((sum, n) => sum + n, 0);
  const text = [
    finishedAt === null
      ? `${counted(total, { one: 'payment is', many: 'payments are' })} in doubt. The EMR is asked about each one before anything is sent.`
      : 'This backup was dealt with before; nothing was changed.',
    pairs([
      ['backup taken', since],
      ['newest payment in it', newest],
      ...Object.entries(doubted).map(([status, n]) => [`in doubt, ${status}`, n] as const),
      ['job numbers left out', skippedJobs === null ? null : `${skippedJobs.from} to ${skippedJobs.to}`],
    ]),
  ].join('\n');
  const data = {
    since,
    in_doubt: doubted,
    newest_payment_at: newest,
    skipped_jobs: skippedJobs,
    already_finished_at: finishedAt,
  };
  return done(data, text);
}

/** After a restore of the database from a backup. */
export const registerRestored: Register = (program, cli) => {
  program
    .command('restored')
    .description(
      'after the database was restored from a backup: put every payment that is not posted in doubt',
    )
    .requiredOption(
      '--since <time>',
      'when the backup was taken, with the zone: 2026-06-15T10:30:00Z',
      instant,
    )
    .option('--yes', `also for a backup that is older than ${OLDEST_DAYS} days`)
    .action(({ since, yes }: { since: Date; yes?: true }) =>
      cli.run(async ({ database, by, terminal }) => {
        if (yes === undefined && Date.now() - since.getTime() > OLDEST_DAYS * 86_400_000) {
          return failure(
            'refused',
            `The backup is older than ${OLDEST_DAYS} days. If the time is right, give --yes.`,
          );
        }
        const bar = createProgress({ screen: terminal.stderr }, { label: 'payments' });
        const onProgress = (soFar: Doubted) => {
          const n = Object.values(soFar).reduce((sum, each) => sum + each, 0);
          bar.update({ done: n, total: null, note: `${n} in doubt` });
        };
        const begun = await declareRestored({ database }, { since, by, onProgress }).finally(() => bar.end());
        if (begun.outcome === 'in_future')
          return failure('refused', 'The time of the backup is in the future.');
        if (begun.outcome === 'not_on_hold') {
          return failure(
            'refused',
            "Posting is not on hold. Run 'emr-payments hold on' first, then this again.",
          );
        }
        if (begun.outcome === 'in_hand') {
          return failure(
            'refused',
            `Workers have ${counted(begun.postings, { one: 'payment' })} in hand. Run 'emr-payments hold on' until it ends with 0, then this again.`,
          );
        }
        if (begun.outcome === 'lost_again') {
          return failure(
            'refused',
            `A backup of this time was dealt with at ${begun.finishedAt.toISOString()}, and the database has lost commits once more since: give the time up to which it is complete now.`,
          );
        }
        return outcomeOf({ since, ...begun });
      }),
    );
};
