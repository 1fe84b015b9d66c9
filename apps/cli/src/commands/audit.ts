import type { ListedAudit } from '@emr-payments/db';
import { listAudit } from '@emr-payments/operations';
import { Option } from 'commander';
import { integer, moment } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure } from '../outcome.ts';
import { table } from '../output/table.ts';

type Options = {
  actor?: string;
  client?: string;
  user?: string;
  source?: string;
  outcome?: string;
  subject?: string;
  action?: string;
  since?: Date;
  before?: number;
  limit: number;
};

/** Most values of a list that the table shows. The output as JSON has all of them. */
const SHOWN = 3;

const shortened = (_: string, value: unknown): unknown =>
  Array.isArray(value) && value.length > SHOWN
    ? [...value.slice(0, SHOWN), `and ${value.length - SHOWN} more`]
    : value;

const detailText = ({ count, minute, detail }: ListedAudit): string =>
  [
    ...(minute === null ? [] : [`${count} in the minute from ${minute.toISOString().slice(0, 16)}Z`]),
    ...(minute === null && count > 1 ? [`${count} at once`] : []),
    ...(detail === null ? [] : [JSON.stringify(detail, shortened)]),
  ].join(' ');

/** The audit log: who did what to which record, from where; actions that can be many as counts of a minute. */
export const registerAudit: Register = (program, cli) => {
  program
    .command('audit')
    .description('the audit log')
    .command('list')
    .description('list entries, the newest first')
    .option('--actor <actor>', 'such as cli:alice, operator:opk_… or client:ci_…')
    .option('--client <client_id>', 'what this client did, or what was tried with its client id')
    .option('--user <user_id>', 'what a client did for this user')
    .option('--source <address>', 'from this address or host')
    .addOption(new Option('--outcome <outcome>', 'only these').choices(['done', 'refused', 'failed']))
    .option('--subject <record>', 'such as payment:123e4567e89b12d3a456426614174001')
    .option('--action <action>', 'such as payment.resolve')
    .option('--since <time>', 'a date, a time, or how long ago (24h)', moment)
    .option('--before <id>', 'only entries older than this one, for the next page', integer(1, 9_999_999_999))
    .option('--limit <n>', 'most entries to show', integer(1, 1000), 50)
    .action(({ before, client, ...filter }: Options) =>
      cli.run(async ({ database }) => {
        if (client !== undefined && filter.actor !== undefined) {
          return failure('usage', 'Give --client or --actor, not both.');
        }
        const entries = await listAudit(
          { database },
          {
            ...filter,
            ...(client === undefined ? {} : { actor: `client:${client}` }),
            before: before === undefined ? undefined : BigInt(before),
          },
        );
        return done(
          {
            entries: entries.map((one) => ({
              id: Number(one.id),
              at: one.at,
              actor: one.actor,
              user_id: one.userId,
              source: one.source,
              action: one.action,
              subject: one.subject,
              outcome: one.outcome,
              count: one.count,
              minute: one.minute,
              detail: one.detail,
            })),
          },
          table(
            ['ID', 'AT', 'ACTOR', 'USER', 'FROM', 'ACTION', 'RECORD', 'OUTCOME', 'DETAIL'],
            entries.map((one) => [
              Number(one.id),
              one.at,
              one.actor,
              one.userId,
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
