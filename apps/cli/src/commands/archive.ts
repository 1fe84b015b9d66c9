import {
  ArchiveFileError,
  type ArchiveOutcome,
  archivePayments,
  type PreviewOutcome,
  previewArchive,
  YOUNGEST_DAYS,
} from '@emr-payments/operations';
import { counted } from '@emr-payments/runtime';
import { day } from '../arguments.ts';
import type { Register } from '../cli.ts';
import { done, failure, type Outcome } from '../outcome.ts';
import { createProgress } from '../output/progress.ts';
import { table } from '../output/table.ts';

const TOO_YOUNG = `Give a date that is more than ${YOUNGEST_DAYS} days ago: what is younger is still read and compared.`;
const NOT_OWNER =
  'The role of DATABASE_URL does not own the tables. Run this with the DATABASE_URL of the migrations.';
const RUNNING = 'Another archive command is at work on this database. Run this again when it has ended.';

/** Names the reasons that keep a range from being archived. */
const NAMES: Readonly<Record<string, string>> = {
  posting_job: 'jobs that post its payments',
  delivery_job: 'jobs that deliver its events',
  pending_delivery: 'pending deliveries',
  recovery: 'running recoveries of its time',
  idempotency_key: 'idempotency keys that are still valid',
  unfinished_restore: 'restores that are not finished',
};

function obstacleText(obstacles: Record<string, number>): string {
  return Object.entries(obstacles)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, n]) => `${n} ${NAMES[name] ?? `payments that are ${name.replace(/^payment_/, '')}`}`)
    .join(', ');
}

const dayOf = (at: Date): string => at.toISOString().slice(0, 10);

function previewed({ ranges, archived }: Extract<PreviewOutcome, { outcome: 'previewed' }>): Outcome {
  const kept = ranges.findIndex(({ obstacles }) => obstacleText(obstacles) !== '');
  const rows = ranges.flatMap(({ since, upto, sizes, obstacles }, index) =>
    sizes.map(({ name, rows: count, bytes }) => [
      name,
      since,
      upto,
      count,
      bytes,
      // Archiving ends at the first range that is kept.
      obstacleText(obstacles) || (kept === -1 || index < kept ? 'archived' : 'kept, after one that is'),
    ]),
  );
  const data = {
    dry_run: true,
    ranges: ranges.map(({ since, upto, sizes, obstacles }) => ({ since, upto, tables: sizes, obstacles })),
    in_archive: archived,
  };
  return done(data, table(['TABLE', 'SINCE', 'UPTO', 'ROWS', 'BYTES', 'WOULD BE'], rows));
}

function stopSentence({ stopped }: Extract<ArchiveOutcome, { outcome: 'archived' }>): string {
  if (stopped === null) return '';
  const what = `What ends at ${dayOf(stopped.upto)}`;
  return stopped.reason === 'busy'
    ? `${what} was not archived: the tables were not free in time. Run this again.`
    : `${what} cannot be archived yet: it has ${obstacleText(stopped.obstacles)}. Settle them, then run this again.`;
}

function archived(outcome: Extract<ArchiveOutcome, { outcome: 'archived' }>): Outcome {
  const { moved, written, dropped, stopped } = outcome;
  const data = {
    archived: moved,
    written: written.map(({ name, rows, sha256, file }) => ({ name, rows, sha256, file })),
    dropped,
    stopped,
  };
  const text = [
    table(
      ['TABLE', 'UPTO', 'ROWS'],
      moved.flatMap(({ upto, rows }) => Object.entries(rows).map(([name, n]) => [name, upto, n])),
    ),
    ...(written.length === 0 ? [] : [`Written and read back: ${counted(written.length, { one: 'table' })}.`]),
    ...(dropped.length === 0 ? [] : [`Dropped: ${counted(dropped.length, { one: 'table' })}.`]),
  ].join('\n');
  if (stopped === null) return done(data, text);
  const code = stopped.reason === 'busy' ? 'failed' : 'refused';
  const message = stopSentence(outcome);
  return { exit: code, data: { ...data, error: { code, message } }, text: `${text}\n${message}` };
}

/** Old payments, by whole partitions. */
export const registerArchive: Register = (program, cli) => {
  program
    .command('archive')
    .description('move old payments out of the service: to the schema archive, to files, or both')
    .requiredOption('--before <date>', 'of partitions that end before this day (UTC)', day)
    .option('--to <folder>', 'also write each table to a CSV file with a manifest')
    .option('--drop', 'drop each table once its file is written and compared; needs --to')
    .option('--dry-run', 'list what would be archived, and change nothing')
    .action(
      ({ before, to, drop, dryRun }: { before: Date; to?: string; drop?: true; dryRun?: true }, command) => {
        if (drop === true && to === undefined) {
          command.error('--drop needs --to: nothing is dropped that was not written');
        }
        return cli.run(async ({ config, by, terminal }) => {
          const { directUrl: url } = config;
          if (dryRun === true) {
            const preview = await previewArchive({ url }, { before });
            if (preview.outcome === 'too_young') return failure('refused', TOO_YOUNG);
            return preview.outcome === 'not_owner' ? failure('refused', NOT_OWNER) : previewed(preview);
          }
          const bar = createProgress({ screen: terminal.stderr }, { label: 'archive' });
          try {
            const outcome = await archivePayments(
              { url },
              {
                before,
                to: to ?? null,
                drop: drop === true,
                by,
                onProgress: (note) => bar.update({ done: 0, total: null, note }),
              },
            );
            if (outcome.outcome === 'too_young') return failure('refused', TOO_YOUNG);
            if (outcome.outcome === 'running') return failure('refused', RUNNING);
            return outcome.outcome === 'not_owner' ? failure('refused', NOT_OWNER) : archived(outcome);
          } catch (error) {
            const { code } = error as { code?: unknown };
            if (error instanceof ArchiveFileError) return failure('failed', error.message);
            if (code === 'EEXIST' || code === 'ENOTDIR') return failure('failed', `${to} is not a folder.`);
            if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
              return failure('failed', `The folder ${to} cannot be written to (${code}).`);
            }
            throw error;
          } finally {
            bar.end();
          }
        });
      },
    );
};
