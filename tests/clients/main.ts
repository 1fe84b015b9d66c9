import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removePlace, startEmbeddedPostgres, startStack } from '@emr-payments/stack';
import { buildApps } from '@emr-payments/stack/build';
import { FOREIGN_TARGETS } from './foreign-targets.ts';
import { journeysOf } from './journeys-of-stack.ts';
import { NPM_TARGETS } from './npm-targets.ts';
import { type Result, tryTarget } from './try-target.ts';

// `pnpm clients [part of a name]...`: makes a client by every generator whose tools are found, and posts a payment with it.

const say = (text: string) => process.stdout.write(`${text}\n`);

function lineOf(name: string, result: Result, get: string): string {
  switch (result.outcome) {
    case 'passed':
      return `ok       ${name}: generated, compiled, and made its journey (${result.seconds} s)`;
    case 'skipped':
      return `SKIPPED  ${name}: ${result.missing.join(', ')} not found. Needs: ${get}`;
    case 'failed':
      return `FAILED   ${name}, at: ${result.at}\n${result.why}`;
  }
}

async function main(wanted: readonly string[]): Promise<boolean> {
  const targets = [...NPM_TARGETS, ...FOREIGN_TARGETS].filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
  );
  await buildApps();
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-clients-'));
  const dataDir = join(folder, 'postgres');
  const postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: false });
  let isGood = targets.length > 0;
  try {
    const stack = await startStack({ folder: join(folder, 'stack'), databaseUrl: postgres.url });
    try {
      const journeys = await journeysOf(stack, { databaseUrl: postgres.url });
      for (const target of targets) {
        for (const name of ['integrator', 'operator'] as const) {
          if (name === 'operator' && target.operator !== true) continue;
          const input = { folder: join(folder, name), baseUrl: stack.apiUrl, journey: journeys[name] };
          const result = await tryTarget(target, input);
          say(lineOf(`${target.name} (${name})`, result, target.get));
          if (result.outcome === 'failed') isGood = false;
        }
      }
    } finally {
      await stack.stop();
    }
  } finally {
    await postgres.stop('immediate');
    removePlace(dataDir);
    if (isGood) rmSync(folder, { recursive: true, force: true });
    else say(`The clients are kept in ${folder}`);
  }
  return isGood;
}

process.exitCode = (await main(process.argv.slice(2).filter((part) => part !== '--'))) ? 0 : 1;
