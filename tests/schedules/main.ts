import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '@emr-payments/db';
import { print } from '@emr-payments/runtime';
import { appAccess, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { numberOf, oneOf, UsageError } from '../crash/arguments.ts';
import type { Part } from './part.ts';
import { PART_NAMES, PARTS } from './parts.ts';
import { play, type Result } from './play.ts';
import { openStage, type Stage } from './stage.ts';

// `pnpm schedules`: docs/reliability.md describes it.

const USAGE = `pnpm schedules [--part posting|delivery] [--seconds 60] [--from SEED] [--sabotage NAME]   plays one seed after the other
pnpm schedules [--part posting|delivery] --seed SEED [--sabotage NAME]                    plays one, and prints its schedule
`;

const say = (text: string) => print('stdout', `${text}\n`);

function readOptions(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      seconds: { ...text, default: '60' },
      part: { ...text, default: 'posting' },
      from: text,
      seed: text,
      sabotage: text,
    },
  });
  const { seed, from, sabotage } = values;
  const part: Part = PARTS[oneOf('part', values.part, PART_NAMES)];
  const { sabotages } = part;
  return {
    part,
    forMs: numberOf('seconds', values.seconds) * 1000,
    seed: seed === undefined ? null : numberOf('seed', seed),
    from: from === undefined ? Math.floor(Math.random() * 1e9) : numberOf('from', from),
    sabotage:
      sabotage === undefined ? undefined : sabotages[oneOf('sabotage', sabotage, Object.keys(sabotages))],
  };
}

const printed = (seed: number, { violations, schedule }: Result) =>
  [
    `seed ${seed}`,
    ...schedule,
    ...violations.map(({ rule, about, detail }) => `VIOLATION ${about}: ${rule} (${detail})`),
  ].join('\n  ');

/** @returns true when no rule was broken. */
async function playAll(stage: Stage, options: ReturnType<typeof readOptions>): Promise<boolean> {
  const { part, seed: only, from, forMs, sabotage } = options;
  if (only !== null) {
    const result = await play(stage, part, { seed: only, sabotage });
    say(printed(only, result));
    return result.violations.length === 0;
  }
  const startedAt = performance.now();
  let played = 0;
  let bad = 0;
  for (; performance.now() - startedAt < forMs; played += 1) {
    const result = await play(stage, part, { seed: from + played, sabotage });
    if (result.violations.length === 0) continue;
    bad += 1;
    say(printed(from + played, result));
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  say(`${played} schedules from seed ${from} in ${seconds} s: ${bad} with a violation`);
  return bad === 0;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-schedules-'));
  const dataDir = join(folder, 'postgres');
  const postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: false });
  try {
    const app = appAccess(postgres.url);
    await migrate({ url: postgres.url, appRole: app.role });
    const stage = await openStage({ url: postgres.url, appUrl: app.url });
    try {
      process.exitCode = (await playAll(stage, options)) ? 0 : 1;
    } finally {
      await stage.close();
    }
  } finally {
    await postgres.stop('immediate');
    removePlace(dataDir);
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
