import { type ListedAudit, listAudit } from '@emr-payments/db';
import { integer, moment } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done } from '../outcome.ts';
import { table } from '../output/table.ts';

type Options = {
  actor?: string;
  subject?: string;
  action?: string;
  since?: Date;
  before?: number;
  limit: number;
};

const detailText = ({ count, detail }: ListedAudit): string =>
  [...(count > 1 ? [`${count} times`] : []), ...(detail === null ? [] : [JSON.stringify(detail)])].join(' ');

/** The audit log: who did what to which record, from where. */
export const registerAudit: Register = (program, cli) => {
  program
    .command('audit')
    .description('the audit log')
    .command('list')
    .description('list entries, the newest first')
    .option('--actor <actor>', 'such as cli:alice or client:ci_…')
    .option('--subject <record>', 'such as payment:123e4567e89b12d3a456426614174001')
    .option('--action <action>', 'such as payment.resolve')
    .option('--since <time>', 'a date, a time, or how long ago (24h)', moment)
    .option('--before <id>', 'only entries older than this one, for the next page', integer(1, 9_999_999_999))
    .option('--limit <n>', 'most entries to show', integer(1, 1000), 50)
    .action(({ before, ...filter }: Options) =>
      cli.run(async ({ database }) => {
        const entries = await listAudit(
          { database },
          { ...filter, before: before === undefined ? undefined : BigInt(before) },
        );
        return done(
          {
            entries: entries.map((one) => ({
              id: Number(one.id),
              at: one.at,
              actor: one.actor,
              source: one.source,
              action: one.action,
              subject: one.subject,
              outcome: one.outcome,
              count: one.count,
              detail: one.detail,
            })),
          },
          table(
            ['ID', 'AT', 'ACTOR', 'FROM', 'ACTION', 'RECORD', 'OUTCOME', 'DETAIL'],
            entries.map((one) => [
              Number(one.id),
              one.at,
              one.actor,
              one.source,
              one.action,
              one.subject,
              one.outcome,
              detailText(one),
            ]),
          ),
        );
      }),
    );
};
