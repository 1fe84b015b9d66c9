import type { ImportOutcome, ImportReport } from '@emr-payments/operations';
import { failure, type Outcome } from '../outcome.ts';
import { table } from './table.ts';

/** Rows of each list that are shown to a person. A program gets up to a thousand. */
const SHOWN = 20;

const more = (count: number): string[] => (count > SHOWN ? [`… and ${count - SHOWN} more`] : []);

/** The changes with their MRN and both ids: the operator decides by them. They go to the terminal and to no log. */
function changeLines({ changes, changed, heldBack, dryRun }: ImportReport): string[] {
  const count = changed + heldBack;
  if (count === 0) return [];
  const rows = changes
    .slice(0, SHOWN)
    .map(({ line, mrn, stored, given }) => [line, mrn, stored, given] as const);
  const head = {
    held: 'Not written, because they would replace a stored EMR patient id; check them, then use --allow-changes:',
    planned: 'These would replace a stored EMR patient id:',
    done: 'These replaced a stored EMR patient id:',
  };
  const title = heldBack > 0 ? head.held : dryRun ? head.planned : head.done;
  return [title, table(['line', 'mrn', 'stored', 'in the file'], rows), ...more(count)];
}

function sharedLines({ sharedIds: { count, lines } }: ImportReport): string[] {
  if (count === 0) return [];
  const where = lines.slice(0, SHOWN).join(', ');
  return [`note: ${count} EMR patient ids have more than one MRN in the file, first in lines ${where}`];
}

function reportOutcome(report: ImportReport): Outcome {
  const { dryRun, added, changed, unchanged, repeated, bad, badRows, heldBack, changes, sharedIds } = report;
  const counts = [
    `${added} added, ${changed} changed, ${unchanged} unchanged, ${bad} left out`,
    ...(heldBack > 0 ? [`${heldBack} held back`] : []),
    ...(repeated > 0 ? [`${repeated} repeated`] : []),
  ].join(', ');
  const lines = [
    dryRun ? `dry run, nothing is written: ${counts}` : counts,
    ...badRows.slice(0, SHOWN).map(({ line, problem }) => `line ${line}: ${problem}`),
    ...more(bad),
    ...changeLines(report),
    ...sharedLines(report),
  ];
  return {
    exit: bad + heldBack === 0 ? 'ok' : 'failed',
    data: {
      dry_run: dryRun,
      ...{ added, changed, unchanged, repeated, left_out: bad, held_back: heldBack },
      bad_rows: badRows,
      changes,
      shared_ids: sharedIds,
    },
    text: lines.join('\n'),
  };
}

/** Shows the outcome of an import: counts, what was refused and why, and what would change. */
export function showImport(outcome: ImportOutcome): Outcome {
  switch (outcome.outcome) {
    case 'imported':
      return reportOutcome(outcome);
    case 'no_record':
      return failure('failed', 'The file has no patient: nothing follows the line that names the columns.');
    case 'no_connection':
      return failure(
        'refused',
        'The user has no EMR connection, so how its EMR names patients is not known. Connect it first (user connect).',
      );
    case 'busy':
      return failure(
        'refused',
        "Another import of this user's patients is being written. Nothing was written: import the file again afterwards.",
      );
  }
}
