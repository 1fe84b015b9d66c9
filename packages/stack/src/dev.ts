import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { shownStep } from './dev/terminal.ts';

const USAGE = `usage: npx -y pnpm@12 dev [--reset]

Starts PostgreSQL, the API, the worker, the EMR sandbox and a webhook inbox on this machine.
  --reset   removes the data of earlier starts first
Ports: API_PORT, SANDBOX_PORT, INBOX_PORT, POSTGRES_PORT. Queue: REDIS_URL, else PostgreSQL. Logs: LOG_LEVEL.
`;

/** The database client is made from the schema; turbo knows whether that has been done already. */
function generateClient(): void {
  const { status, stdout, stderr, error } = spawnSync('turbo', ['run', '//#prisma:generate'], {
    cwd: join(import.meta.dirname, '..', '..', '..'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`, { cause: error });
}

async function main(): Promise<number> {
  const given = process.argv.slice(2).filter((argument) => argument !== '--');
  const unknown = given.filter((argument) => argument !== '--reset');
  if (unknown.length > 0) {
    process.stderr.write(USAGE);
    return unknown.includes('--help') || unknown.includes('-h') ? 0 : 2;
  }
  process.stdout.write('emr-payments, the local stack\n');
  await shownStep('database client', async () => generateClient());
  // Only now: it imports the generated client.
  const { runDev } = await import('./dev/run-dev.ts');
  return runDev({ reset: given.includes('--reset') });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
