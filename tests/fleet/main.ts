import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { print } from '@emr-payments/runtime';
import { buildApps } from '@emr-payments/stack/build';
import { UsageError } from '../crash/arguments.ts';
import { readOptions, USAGE, WHOLE_LIST_SECONDS } from './options.ts';
import { formatFleetReport } from './report.ts';
import { runFleet } from './run.ts';

// `pnpm fleet`: docs/production.md describes it.

const say = (text: string) => print('stdout', `${text}\n`);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  await buildApps();
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-fleet-'));
  say(`\n## PostgreSQL ${options.postgres}, Redis ${options.redis}`);
  const report = await runFleet({ ...options, folder: join(folder, 'run'), say });
  say(`\n${formatFleetReport(report)}`);
  const never = [...report.counts].flatMap(([name, count]) => (count === 0 ? [name] : []));
  const isWhole = options.durationMs < WHOLE_LIST_SECONDS * 1000 || never.length === 0;
  if (!isWhole)
    say(`Never struck: ${never.join('; ')}. Repeat the run with more --seconds, or on an idle machine.`);
  const good = report.violations.length === 0 && isWhole;
  if (good) rmSync(folder, { recursive: true, force: true });
  else say(`Data and logs are kept in ${folder}`);
  process.exitCode = good ? 0 : 1;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof TypeError)) throw error;
  process.stderr.write(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}
