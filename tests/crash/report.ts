import type { Quiet } from './quiet.ts';
import type { Records } from './records.ts';
import type { Violation } from './rules.ts';
import type { RunReport } from './run.ts';

const SHOWN_PER_RULE = 3;

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

function shapeLines({ shapes }: RunReport): readonly Line[] {
  if (shapes.length === 0) return [];
  const never = shapes.filter(({ count }) => count === 0);
  return [
    ['answers of the foreign EMR', shapes.reduce((sum, { count }) => sum + count, 0)],
    ['… in so many shapes', `${shapes.length - never.length} of ${shapes.length}`],
    ...(never.length === 0
      ? []
      : [['… never answered', never.map(({ kind, shape }) => `${kind}: ${shape}`).join('; ')] as const]),
  ];
}

/** How the payments ended at the EMRs of each kind. */
function endLines({ requested, stored }: Records): readonly Line[] {
  const groupOf = new Map(requested.map(({ reference, emr }) => [reference, emr.group]));
  const ended = stored.map(({ reference, status }) => `${groupOf.get(reference)}: ${status}`);
  return countBy(ended, (each) => each).map(([name, count]) => [`… ${name}`, count]);
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

export function violationLines(violations: readonly Violation[]): string {
  return countBy(violations, ({ rule }) => rule)
    .map(([rule, count]) => {
      const examples = violations.filter((violation) => violation.rule === rule).slice(0, SHOWN_PER_RULE);
      return [
        `  ${count} × ${rule}`,
        ...examples.map(({ subject, detail }) => `      ${subject}: ${detail}`),
      ].join('\n');
    })
    .join('\n');
}

/** What the comparison of the records is based on, and what it found. */
type Compared = {
  records: Records;
  quiet: Quiet;
  violations: readonly Violation[];
  staleWrites: number;
};

type Line = readonly [string, string | number];

/** The lines of every report: what was requested, and what became of it. */
export function recordLines({ records, quiet, violations, staleWrites }: Compared): Line[] {
  const { requested, stored, ledger, received } = records;
  const acknowledged = requested.filter(({ tries }) => tries.some(({ status }) => status === 200));
  const of = (rule: string) => violations.filter((violation) => violation.rule === rule).length;
  const repeated = requested.filter(({ tries }) => tries.length > 1).length;
  const events = new Set(received.map(({ endpoint, eventId }) => `${endpoint} ${eventId}`)).size;
  return [
    ['payments requested', requested.length],
    ['… acknowledged with 200', acknowledged.length],
    ['… of which the client had to ask more than once', repeated],
    ['… given up by their client', requested.length - acknowledged.length],
    ...countBy(stored, ({ status }) => status).map(
      ([status, count]) => [`payments ${status}`, count] as const,
    ),
    ...endLines(records),
    ['entries in the ledger', ledger.length],
    ['duplicates', of('two ledger entries for one payment')],
    [
      'lost',
      of('acknowledged payment is lost') + of('acknowledged payment is not settled') + of('payment is stuck'),
    ],
    ['events × endpoints', events],
    ['… of which repeated deliveries', received.length - events],
    ['stale writes that changed nothing', staleWrites],
    ['waiting when the last fault ended', quiet.backlog],
    ['all settled after the last fault', quiet.settled ? seconds(quiet.settleMs) : 'NOT SETTLED'],
    ['all delivered after the last fault', quiet.settled ? seconds(quiet.deliverMs) : 'NOT DELIVERED'],
  ];
}

/** Writes the lines as a Markdown table, followed by the violations. */
export function formatLines(lines: readonly Line[], violations: readonly Violation[]): string {
  const end =
    violations.length === 0
      ? 'No violation.'
      : `${violations.length} violations:\n${violationLines(violations)}`;
  return `| | |\n| --- | --- |\n${lines.map(([name, value]) => `| ${name} | ${value} |`).join('\n')}\n\n${end}\n`;
}

/** Writes the report of a run in Markdown, as in docs/reliability.md, followed by the violations. */
export function formatReport(report: RunReport): string {
  const { options, injections, violations } = report;
  const struck = injections.filter((injection) => injection.struck);
  return formatLines(
    [
      ['queue', options.backend],
      ['EMRs', [...options.capabilities, ...options.adapters].join(', ')],
      ['seed', options.seed],
      ['load and faults for', seconds(options.durationMs)],
      ...recordLines(report),
      ...shapeLines(report),
      ['faults injected', struck.length],
      ...countBy(struck, ({ kind }) => kind).map(([kind, count]) => [`… ${kind}`, count] as const),
    ],
    violations,
  );
}
