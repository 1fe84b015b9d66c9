import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { migrate } from '@emr-payments/db';
import { print } from '@emr-payments/runtime';
import { appAccess, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { numberOf, oneOf, UsageError } from '../crash/arguments.ts';
import type { Sabotage } from '../crash/proofs/sabotages.ts';
import { playApi } from './api/play.ts';
import { API_SABOTAGE_NAMES, type ApiSabotageName } from './api/sabotages.ts';
import { openApiStage } from './api/stage.ts';
import type { Part } from './part.ts';
import { PART_NAMES, PARTS } from './parts.ts';
import { play, type Result } from './play.ts';
import { openStage } from './stage.ts';

// `pnpm schedules`: docs/reliability.md describes it.

const USAGE = `pnpm schedules [--part posting|delivery|api] [--seconds 60] [--from SEED] [--sabotage NAME]   plays one seed after the other
pnpm schedules [--part posting|delivery|api] --seed SEED [--sabotage NAME]                    plays one, and prints its schedule
`;

const say = (text: string) => print('stdout', `${text}\n`);

function readOptions(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      part: { ...text, default: 'posting' },
      seconds: { ...text, default: '60' },
      from: text,
      seed: text,
      sabotage: text,
    },
  });
  const { seed, from, sabotage } = values;
  const part = oneOf('part', values.part, [...PART_NAMES, 'api'] as const);
  const sabotageOf = <T extends string>(names: readonly T[]) =>
    sabotage === undefined ? null : oneOf('sabotage', sabotage, names);
  return {
    forMs: numberOf('seconds', values.seconds) * 1000,
    seed: seed === undefined ? null : numberOf('seed', seed),
    from: from === undefined ? Math.floor(Math.random() * 1e9) : numberOf('from', from),
    open: part === 'api' ? openApi(sabotageOf(API_SABOTAGE_NAMES)) : openPart(PARTS[part], sabotageOf),
  };
}

type Access = { url: string; appUrl: string };
/** Plays schedules of one part of the service. */
type Player = { play(seed: number): Promise<Result>; close(): Promise<void> };

const openPart = (part: Part, sabotageOf: (names: readonly string[]) => string | null) => {
  const name = sabotageOf(Object.keys(part.sabotages));
  const sabotage: Sabotage | undefined = name === null ? undefined : part.sabotages[name];
  return async (access: Access): Promise<Player> => {
    const stage = await openStage(access);
    return { play: (seed) => play(stage, part, { seed, sabotage }), close: stage.close };
  };
};

const openApi =
  (sabotage: ApiSabotageName | null) =>
  async (access: Access): Promise<Player> => {
    const stage = await openApiStage(access);
    return { play: (seed) => playApi(stage, { seed, sabotage }), close: stage.close };
  };

const printed = (seed: number, { violations, schedule }: Result) =>
  [
    `seed ${seed}`,
    ...schedule,
    ...violations.map(({ rule, about, detail }) => `VIOLATION ${about}: ${rule} (${detail})`),
  ].join('\n  ');

/** @returns true when no rule was broken. */
async function playAll(player: Player, options: ReturnType<typeof readOptions>): Promise<boolean> {
  const { seed: only, from, forMs } = options;
  if (only !== null) {
    const result = await player.play(only);
    say(printed(only, result));
    return result.violations.length === 0;
  }
  const startedAt = performance.now();
  let played = 0;
  let bad = 0;
  for (; performance.now() - startedAt < forMs; played += 1) {
    const result = await player.play(from + played);
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
    const player = await options.open({ url: postgres.url, appUrl: app.url });
    try {
      process.exitCode = (await playAll(player, options)) ? 0 : 1;
    } finally {
      await player.close();
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
