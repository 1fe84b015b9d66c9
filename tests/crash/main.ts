import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Options, readOptions, USAGE, UsageError } from './options.ts';
import { proveCaught } from './prove.ts';
import { formatReport } from './report.ts';
import { runCrash } from './run.ts';
import { SABOTAGE_NAMES, SABOTAGES } from './sabotages.ts';

// `pnpm crash`: docs/reliability.md describes the suite.

const say = (text: string) => process.stdout.write(`${text}\n`);

async function runAll(options: Options, folder: string): Promise<boolean> {
  let good = true;
  for (const backend of options.backends) {
    say(`\n## ${backend}, seed ${options.seed}`);
    const report = await runCrash({ ...options, backend, folder: join(folder, backend), say });
    say(`\n${formatReport(report)}`);
    if (report.violations.length > 0) {
      good = false;
      say(`Data and logs are kept in ${join(folder, backend)}`);
    }
  }
  return good;
}

async function proveAll(options: Options, folder: string): Promise<boolean> {
  const missed: string[] = [];
  const [backend = 'redis'] = options.backends;
  const names = options.sabotage === null ? SABOTAGE_NAMES : [options.sabotage];
  for (const name of names) {
    say(`\n## ${name}: ${SABOTAGES[name].about} (seed ${options.seed}, ${backend})`);
    const { caught, report } = await proveCaught({
      name,
      backend,
      seed: options.seed,
      rate: options.rate,
      folder,
      say,
    });
    say(`\n${formatReport(report)}\n${caught ? 'CAUGHT' : 'NOT CAUGHT'}`);
    if (!caught) missed.push(name);
  }
  say(missed.length === 0 ? `\nCaught: ${names.join(', ')}` : `\nNot caught: ${missed.join(', ')}`);
  return missed.length === 0;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-crash-'));
  const good = options.prove ? await proveAll(options, folder) : await runAll(options, folder);
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
