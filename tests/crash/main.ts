import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print } from '@emr-payments/runtime';
import { buildApps } from '@emr-payments/stack/build';
import { UsageError } from './arguments.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { prove } from './proofs/prove.ts';
import type { SabotageName } from './proofs/sabotages.ts';
import { SCHEDULES } from './proofs/schedules.ts';
import { openStage } from './proofs/stage.ts';
import { formatReport, violationLines } from './report.ts';
import { runCrash } from './run.ts';

// `pnpm crash`: docs/reliability.md describes the suite.

const say = (text: string) => print('stdout', `${text}\n`);

async function runAll(options: Options, folder: string): Promise<boolean> {
  let good = true;
  for (const backend of options.backends) {
    // One run with all capabilities side by side, or a run for each adapter.
    for (const adapter of options.adapters.length === 0 ? [null] : options.adapters) {
      say(`\n## ${[backend, adapter].filter(Boolean).join(', ')}, seed ${options.seed}`);
      const own = join(folder, [backend, adapter].filter(Boolean).join('-'));
      const part = adapter === null ? { adapters: [] } : { capabilities: [], adapters: [adapter] };
      const report = await runCrash({ ...options, ...part, backend, folder: own, say });
      say(`\n${formatReport(report)}`);
      if (report.violations.length > 0) {
        good = false;
        say(`Data and logs are kept in ${own}`);
      }
    }
  }
  return good;
}

async function proveAll(
  options: Options & { prove: readonly SabotageName[] },
  folder: string,
): Promise<boolean> {
  let good = true;
  for (const backend of options.backends) {
    say(`\n## ${backend}`);
    const stage = await openStage({ folder: join(folder, backend), backend });
    try {
      for (const name of options.prove) {
        const { caught, correct, sabotaged, ms } = await prove(stage, name);
        good &&= caught;
        const result = caught ? 'CAUGHT' : 'NOT CAUGHT';
        say(`${result}  ${(ms / 1000).toFixed(1).padStart(5)} s  ${name}: ${SCHEDULES[name].about}`);
        if (!caught)
          say(`  correct:\n${violationLines(correct)}\n  sabotaged:\n${violationLines(sabotaged)}`);
      }
    } finally {
      await stage.close();
    }
  }
  return good;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  await buildApps();
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-crash-'));
  const { prove: names } = options;
  const good =
    names === null ? await runAll(options, folder) : await proveAll({ ...options, prove: names }, folder);
  if (good) rmSync(folder, { recursive: true, force: true });
  process.exitCode = good ? 0 : 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
