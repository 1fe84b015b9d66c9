import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { print } from '@emr-payments/runtime';
import { buildApps } from '@emr-payments/stack/build';
import { openEnvironment } from './machine/environment.ts';
import { WHOLE } from './part.ts';
import { PROFILING } from './parts/profile.ts';
import { PARTS } from './parts.ts';
import type { Finding } from './report/finding.ts';
import { tableOf } from './report/table.ts';
import { type Size, writeResults } from './report/write-results.ts';

/** This part runs only with --only. */
const NOT_A_MEASUREMENT = 'profile';

const USAGE = `pnpm bench [--only ${Object.keys(PARTS).join(',')}] [--quick | --full]

  --only   runs only these parts
  --quick  checks that everything runs; the numbers mean little
  --full   also measures with 5 million payments
`;

function say(text: string): void {
  print('stdout', `${text}\n`);
}

function readArguments(): { names: string[]; size: Size } | null {
  const flag = { type: 'boolean', default: false } as const;
  // pnpm passes its `--` on.
  const args = process.argv.slice(2).filter((argument) => argument !== '--');
  const options = { only: { type: 'string' }, quick: flag, full: flag, help: flag } as const;
  const { values } = parseArgs({ args, options });
  const names = values.only?.split(',') ?? Object.keys(PARTS).filter((name) => name !== NOT_A_MEASUREMENT);
  const unknown = names.find((name) => PARTS[name] === undefined);
  if (unknown !== undefined) say(`There is no part named '${unknown}'.\n`);
  if (values.help || unknown !== undefined) {
    say(USAGE);
    process.exitCode = unknown === undefined ? 0 : 1;
    return null;
  }
  return { names, size: values.quick ? 'quick' : values.full ? 'full' : 'usual' };
}

/** Runs the parts and writes the results. The exit code is 0 unless a part broke: then the others run all the same. A slow result is not an error. */
async function main(): Promise<void> {
  const wanted = readArguments();
  if (wanted === null) return;
  const { names, size } = wanted;
  await buildApps();
  const startedAt = new Date();
  const local = join(import.meta.dirname, '..', '.local');
  mkdirSync(local, { recursive: true });
  const environment = await openEnvironment(
    mkdtempSync(join(local, 'bench-')),
    names.includes(NOT_A_MEASUREMENT) ? { settings: PROFILING } : {},
  );
  const parts: Record<string, Finding[]> = {};
  try {
    if (environment.redis === undefined)
      say(
        'There is no redis-server on the PATH: our queues run on PostgreSQL, and the usual way is skipped.',
      );
    for (const name of names) {
      const part = PARTS[name];
      if (part === undefined) continue;
      const from = performance.now();
      say(`\n── ${name}`);
      try {
        const findings = await part({ environment, size, ...WHOLE, say: (text) => say(`   ${text}`) });
        parts[name] = findings;
        say(`\n${tableOf(findings)}\n   ${Math.round((performance.now() - from) / 1000)} s`);
      } catch (error) {
        process.exitCode = 1;
        say(`\n   BROKE: ${error instanceof Error ? error.stack : String(error)}`);
      }
    }
  } finally {
    await environment.close();
  }
  const file = writeResults({ startedAt, size, redis: environment.redis !== undefined, parts });
  say(`\nWritten to ${relative(process.cwd(), file)}`);
}

await main();
