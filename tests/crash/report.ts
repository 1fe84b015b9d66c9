import type { Violation } from './rules.ts';
import type { RunReport } from './run.ts';

const SHOWN_PER_RULE = 3;

function countBy<T>(items: readonly T[], keyOf: (item: T) => string): [string, number][] {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

const table = (rows: readonly (readonly [string, string | number])[]): string =>
  rows.map(([name, value]) => `| ${name} | ${value} |`).join('\n');

function shapeLines({ shapes }: RunReport): readonly (readonly [string, string | number])[] {
  if (shapes.length === 0) return [];
  const never = shapes.filter(({ count }) => count === 0);
  return [
    ['answers of the foreign EMR', shapes.reduce((sum, { count }) => sum + count, 0)],
    ['… in so many shapes', `${shapes.length - never.length} of ${shapes.length}`],
    ...(never.length === 0
      ? []
      : ([['… never answered', never.map(({ kind, shape }) => `${kind}: ${shape}`).join('; ')]] as const)),
  ];
}

/** How the payments ended at the EMRs of each kind. */
function endLines({ records }: RunReport): readonly (readonly [string, number])[] {
  const groupOf = new Map(records.requested.map(({ reference, emr }) => [reference, emr.group]));
  const ended = records.stored.map(({ reference, status }) => `${groupOf.get(reference)}: ${status}`);
  return countBy(ended, (each) => each).map(([name, count]) => [`… ${name}`, count]);
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

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

/** Writes the report of a run in Markdown, as in docs/reliability.md, followed by the violations. */
export function formatReport(report: RunReport): string {
  const { options, injections, records, quiet, violations } = report;
  const { requested, stored, ledger, received } = records;
  const acknowledged = requested.filter(({ tries }) => tries.some(({ status }) => status === 200));
  const of = (rule: string) => violations.filter((violation) => violation.rule === rule).length;
  const repeated = requested.filter(({ tries }) => tries.length > 1).length;
  const events = new Set(received.map(({ endpoint, eventId }) => `${endpoint} ${eventId}`)).size;
  const struck = injections.filter((injection) => injection.struck);
  const head = [
    ['queue', options.backend],
    ['EMRs', [...options.capabilities, ...options.adapters].join(', ')],
    ['seed', options.seed],
    ['load and faults for', seconds(options.durationMs)],
    ['payments requested', requested.length],
    ['… acknowledged with 200', acknowledged.length],
    ['… of which the client had to ask more than once', repeated],
    ['… given up by their client', requested.length - acknowledged.length],
    ...countBy(stored, ({ status }) => status).map(
      ([status, count]) => [`payments ${status}`, count] as const,
    ),
    ...endLines(report),
    ['entries in the ledger', ledger.length],
    ['duplicates', of('two ledger entries for one payment')],
    [
      'lost',
      of('acknowledged payment is lost') + of('acknowledged payment is not settled') + of('payment is stuck'),
    ],
    ['events × endpoints', events],
    ['… of which repeated deliveries', received.length - events],
    ...shapeLines(report),
    ['stale writes that changed nothing', report.staleWrites],
    ['waiting when the last fault ended', quiet.backlog],
    ['all settled after the last fault', quiet.settled ? seconds(quiet.settleMs) : 'NOT SETTLED'],
    ['all delivered after the last fault', quiet.settled ? seconds(quiet.deliverMs) : 'NOT DELIVERED'],
    ['faults injected', struck.length],
    ...countBy(struck, ({ kind }) => kind).map(([kind, count]) => [`… ${kind}`, count] as const),
  ] as const;
  const end =
    violations.length === 0
      ? 'No violation.'
      : `${violations.length} violations:\n${violationLines(violations)}`;
  return `| | |\n| --- | --- |\n${table(head)}\n\n${end}\n`;
}
