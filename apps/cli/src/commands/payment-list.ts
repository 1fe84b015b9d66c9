import { PAYMENT_STATUSES, type PaymentStatus } from '@emr-payments/contracts';
import { type ListPaymentsOutcome, listUsersPayments } from '@emr-payments/operations';
import { type Command, Option } from 'commander';
import { integer, moment } from '../arguments.ts';
import type { Cli } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { brokenLine } from '../output/health.ts';
import { table } from '../output/table.ts';

type Options = { user: string; status?: PaymentStatus[]; since?: Date; limit: number };

function listed({ payments, hasMore, broken }: Extract<ListPaymentsOutcome, { outcome: 'listed' }>): Outcome {
  const rows = payments.map(({ waiting, failure: ended, ...payment }) => ({
    payment_id: payment.paymentId,
    status: payment.status,
    created_at: payment.createdAt,
    amount: payment.amount,
    emr_transaction_id: payment.emrTransactionId,
    tries: waiting?.tries ?? null,
    next_try_at: waiting?.nextTryAt ?? null,
    code: waiting?.code ?? ended?.code ?? null,
    reason: waiting?.reason ?? ended?.reason ?? null,
  }));
  return done(
    {
      payments: rows,
      has_more: hasMore,
      broken_connection:
        broken === undefined ? null : { state: broken.state, since: broken.since, waiting: broken.waiting },
    },
    (broken === undefined ? '' : `${brokenLine(broken)}\n\n`) +
      table(
        ['PAYMENT_ID', 'STATUS', 'CREATED', 'AMOUNT', 'EMR_ID', 'TRIES', 'NEXT_TRY', 'CODE', 'REASON'],
        rows.map((row) => Object.values(row)),
      ) +
      (hasMore ? '\n\nThere are older ones: --limit shows more, up to 1000.' : ''),
  );
}

/** Lists a user's payments: why each is still open and when it is tried next, or why it ended. */
export function registerPaymentList(payment: Command, cli: Cli): void {
  payment
    .command('list')
    .description("list a user's payments, the newest first, with the answer to the last try")
    .requiredOption('--user <user_id>', 'whose payments')
    .addOption(new Option('--status <status...>', 'only these states').choices(PAYMENT_STATUSES))
    .option('--since <time>', 'accepted later than this: a date, a time, or how long ago (24h)', moment)
    .option('--limit <n>', 'most payments to show', integer(1, 1000), 50)
    .action(({ user: publicId, status, since, limit }: Options) =>
      cli.run(async ({ database, by }) => {
        const asked = { publicId, statuses: status, createdAfter: since, limit, by };
        const found = await listUsersPayments({ database }, asked);
        if (found.outcome === 'no_user') return failure('not_found', `There is no user ${publicId}.`);
        return listed(found);
      }),
    );
}
