import type { InHand } from '@emr-payments/db';
import { continuePosting, findHolds, stopPosting } from '@emr-payments/operations';
import { counted } from '@emr-payments/runtime';
import type { Command } from 'commander';
import { durationOption, line } from '../arguments.ts';
import type { Cli, Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { table } from '../output/table.ts';

/** A claim that is held lasts for a few exchanges with the EMR, of 10 s each, or until its lease lapses. */
const WAIT = '2m';

/** Payments that are named when the wait ends without success. */
const NAMED = 10;

const titleOf = (user: string | undefined): string => user ?? 'all users';
const scopeOf = (user: string | undefined): string => user ?? 'all';

function inHandText({ paymentIds, transactions }: InHand): string {
  const parts = [
    ...(paymentIds.length > 0
      ? [`${counted(paymentIds.length, { one: 'payment' })} that a worker has in hand`]
      : []),
    ...(transactions > 0
      ? [`${counted(transactions, { one: 'transaction' })} that began before the hold`]
      : []),
  ];
  return parts.join(' and ');
}

function stillInHand(title: string, inHand: InHand): Outcome {
  const { paymentIds } = inHand;
  const named = paymentIds.slice(0, NAMED);
  const which = named.length === 0 ? '' : `: ${named.join(', ')}${paymentIds.length > NAMED ? ', …' : ''}`;
  const message =
    `Posting for ${title} is on hold, and nothing new begins. Still in flight: ${inHandText(inHand)}${which}. ` +
    'Something may still be sent for these; give the same command again to wait on.';
  return {
    exit: 'failed',
    data: { error: { code: 'failed', message }, still_in_flight: paymentIds },
    text: message,
  };
}

function registerOn(hold: Command, cli: Cli): void {
  hold
    .command('on')
    .description('stop posting: nothing is sent to or asked of the EMR once this command has ended with 0')
    .option('--user <user_id>', 'for this user only; otherwise for all users')
    .option('--reason <text>', 'why; shown by status and doctor, recorded in the audit log', line)
    .addOption(
      durationOption({
        flags: '--wait <time>',
        description: 'how long to wait for calls to EMRs that are under way',
        usual: WAIT,
      }),
    )
    .action((options: { user?: string; reason?: string; wait: number }) =>
      cli.run(async ({ database, by, terminal }) => {
        const { user, reason = null, wait: waitMs } = options;
        const title = titleOf(user);
        const onWait = (waiting: InHand) => terminal.stderr.write(`waiting for ${inHandText(waiting)}\n`);
        const stopped = await stopPosting({ database }, { user, reason, waitMs, onWait, by });
        if (stopped.outcome === 'no_user') return failure('not_found', `There is no user ${user}.`);
        const { already, inHand } = stopped;
        if (inHand.paymentIds.length + inHand.transactions > 0) return stillInHand(title, inHand);
        return done(
          { scope: scopeOf(user), on_hold: true, already },
          `Posting for ${title} ${already ? 'was already' : 'is'} on hold. Nothing is sent to the EMR until hold off.`,
        );
      }),
    );
}

function registerOff(hold: Command, cli: Cli): void {
  hold
    .command('off')
    .description('continue posting; payments that waited are posted at once')
    .option('--user <user_id>', 'end the hold of this user; otherwise the hold of all users')
    .option(
      '--nothing-lost',
      'the database was put on hold because it may have lost commits, and you know that it has not',
    )
    .action(({ user, nothingLost = false }: { user?: string; nothingLost?: boolean }) =>
      cli.run(async ({ database, by }) => {
        const title = titleOf(user);
        const end = await continuePosting({ database }, { user, nothingLost, by });
        if (end.outcome === 'no_user') return failure('not_found', `There is no user ${user}.`);
        if (end.outcome === 'restore_unfinished') {
          return failure(
            'refused',
            `Not every payment is in doubt yet: run 'emr-payments restored --since ${end.since.toISOString()}' to its end first.`,
          );
        }
        if (end.outcome === 'loss_in_doubt') {
          return failure(
            'refused',
            `Since ${end.since.toISOString()} it is undecided whether the database has lost commits. Run 'emr-payments restored --since T' with the time up to which it is complete. Only if you know that nothing is missing, add --nothing-lost.`,
          );
        }
        if (end.outcome === 'not_on') return failure('refused', `There is no hold for ${title}.`);
        const { others } = end;
        const still = others.length === 0 ? '' : ` Still on hold: ${others.join(', ')}.`;
        return done(
          { scope: scopeOf(user), on_hold: false, other_holds: others },
          `The hold for ${title} has ended.${still}`,
        );
      }),
    );
}

function registerStatus(hold: Command, cli: Cli): void {
  hold
    .command('status')
    .description('list the holds that are on, with the number of payments that wait')
    .option('--user <user_id>', 'only those that stop this user')
    .action(({ user }: { user?: string }) =>
      cli.run(async ({ database }) => {
        const found = await findHolds({ database }, { user });
        if (found.outcome === 'no_user') return failure('not_found', `There is no user ${user}.`);
        const { holds } = found;
        const data = holds.map((one) => ({
          scope: one.scope,
          started_at: one.startedAt,
          started_by: one.startedBy,
          reason: one.reason,
          waiting: one.waiting,
        }));
        const rows = holds.map((one) => [one.scope, one.startedAt, one.startedBy, one.reason, one.waiting]);
        return done(
          { on_hold: holds.length > 0, holds: data },
          holds.length === 0
            ? 'Posting is not on hold.'
            : table(['SCOPE', 'SINCE', 'BY', 'REASON', 'WAITING'], rows),
        );
      }),
    );
}

/** Posting on hold: on, off, status. */
export const registerHold: Register = (program, cli) => {
  const hold = program
    .command('hold')
    .description('stop and continue posting; payments are accepted and webhooks delivered meanwhile');
  registerOn(hold, cli);
  registerOff(hold, cli);
  registerStatus(hold, cli);
};
