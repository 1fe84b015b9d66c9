import { spawnSync } from 'node:child_process';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { print } from '@emr-payments/runtime';
import { shownStep } from './dev/terminal.ts';

// Half of the time to load the modules that `main` imports is their compilation.
enableCompileCache(join(import.meta.dirname, '..', '..', '..', 'node_modules', '.cache', 'compiled'));

const USAGE = `usage: npx -y pnpm@12 dev [--reset]

Starts PostgreSQL, the API, the worker, the EMR sandbox and a webhook inbox on this machine.
  --reset   first removes the data of earlier runs
Ports: API_PORT, SANDBOX_PORT, INBOX_PORT, POSTGRES_PORT. Queue: Redis at REDIS_URL, PostgreSQL without it. Logs: LOG_LEVEL.
`;

/** Generates the database client from the schema; turbo skips it when the schema has not changed. */
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
    print('stderr', USAGE);
    return unknown.includes('--help') || unknown.includes('-h') ? 0 : 2;
  }
  print('stdout', 'emr-payments, the local stack\n');
  await shownStep('database client', async () => generateClient());
  // Imported here and not at the top, because it imports the client that has just been generated.
  const { runDev } = await import('./dev/run-dev.ts');
  return runDev({ reset: given.includes('--reset') });
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    print('stderr', `\n${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
