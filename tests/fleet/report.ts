import { formatLines, recordLines, seconds } from '../crash/report.ts';
import type { Effect } from './measure.ts';
import type { FleetReport } from './run.ts';

const effectLine = (effect: Effect): string =>
  [
    effect.name,
    seconds(effect.acceptPausedMs),
    seconds(effect.postPausedMs),
    seconds(effect.deliverPausedMs),
    effect.slowestMs === null ? '–' : seconds(effect.slowestMs),
    seconds(effect.wholeAt - effect.at),
    effect.unanswered,
    effect.notNow,
    effect.connections ?? '–',
  ].join(' | ');

const EFFECTS = `| fault | accepting paused | posting paused | delivering paused | slowest payment | all repaired after | no answer | "not now" | connections, most |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |`;

/** Writes the report of a run in Markdown, as in docs/production.md: each fault with its effect, then what the records say. */
export function formatFleetReport(report: FleetReport): string {
  const { options, effects, counts, violations } = report;
  const lines = formatLines(
    [
      ['PostgreSQL', options.postgres],
      ['Redis', options.redis],
      ['payments a second', options.rate],
      ['load and faults for', seconds(options.durationMs)],
      ...recordLines(report),
      ['faults', effects.length],
      ...[...counts].map(([name, count]) => [`… ${name}`, count === 0 ? 'NEVER' : count] as const),
    ],
    violations,
  );
  return `${EFFECTS}\n${effects.map((effect) => `| ${effectLine(effect)} |`).join('\n')}\n\n${lines}`;
}
