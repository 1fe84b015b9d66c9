import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { print } from '@emr-payments/runtime';
import { Client } from 'pg';
import { buildApps } from '../build/build-apps.ts';
import { ROOT } from '../build/built.ts';
import { writePrivateJson } from '../demo/demo-state.ts';
import { type EmbeddedPostgres, removePlace, startEmbeddedPostgres } from '../embedded-postgres.ts';
import { stopStaleServer } from '../postgres/stale.ts';
import { type Stack, startStack } from '../start-stack.ts';
import { choosePorts } from './choose-ports.ts';
import { readConfig } from './config.ts';
import { describeStack, welcomeText } from './describe-stack.ts';
import { removeLock, takeLock, writeLock } from './lock.ts';
import { supervise } from './supervise.ts';
import { say, shownStep } from './terminal.ts';

const DEFAULT_FOLDER = join(ROOT, '.local');
const DATABASE = 'emr_payments';

/** The paths of the local stack's files. */
type Files = { folder: string; lock: string; stack: string; data: string };

function filesIn(folder: string): Files {
  return {
    folder,
    lock: join(folder, 'dev.pid'),
    stack: join(folder, 'stack.json'),
    data: join(folder, 'postgres'),
  };
}

/** Everything a start creates. --reset removes only these names: LOCAL_FOLDER may hold files that are not ours. */
const OURS = ['stack.json', 'demo.json', 'keys', 'webhook-secret', 'logs', 'state'];

async function removeData({ folder, data }: Files): Promise<void> {
  await stopStaleServer(join(data, 'data'));
  removePlace(data);
  for (const name of OURS) rmSync(join(folder, name), { recursive: true, force: true });
}

async function ensureDatabase(postgres: EmbeddedPostgres): Promise<string> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
  return postgres.urlOf(DATABASE);
}

function alreadyRunning(pid: number, stackFile: string): void {
  let where = '';
  try {
    const { api_url } = JSON.parse(readFileSync(stackFile, 'utf8')) as { api_url?: string };
    if (api_url !== undefined) where = ` Its API is at ${api_url}.`;
  } catch {
    // There is no file yet: that stack is still starting.
  }
  print('stderr', `The local stack is already running (process ${pid}).${where} Stop it first.\n`);
}

/**
 * Starts the local stack and keeps it running until SIGINT, SIGTERM or SIGHUP.
 *
 * @returns the exit code.
 */
export async function runDev({ reset }: { reset: boolean }): Promise<number> {
  const config = readConfig();
  const files = filesIn(resolve(config.LOCAL_FOLDER ?? DEFAULT_FOLDER));
  mkdirSync(files.folder, { recursive: true });
  const other = await takeLock(files.lock);
  if (other !== null) {
    alreadyRunning(other, files.stack);
    return 1;
  }
  process.once('exit', () => removeLock(files.lock));
  rmSync(files.stack, { force: true });

  const finished = Promise.withResolvers<string | null>();
  let up = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Before the stack is up, and at a second Ctrl-C, we only exit: tethered children then stop by themselves.
    process.on(signal, () => {
      if (!up) process.exit(130);
      up = false;
      finished.resolve(null);
    });
  }

  if (reset) await shownStep('removing the old data', () => removeData(files));
  await shownStep('apps', buildApps);
  const ports = await choosePorts(config);
  const postgres = await shownStep('PostgreSQL 18', () =>
    startEmbeddedPostgres({ dataDir: files.data, port: ports.postgres, durable: true }),
  );
  let stack: Stack | undefined;
  try {
    const log = { LOG_LEVEL: config.LOG_LEVEL };
    stack = await startStack({
      folder: files.folder,
      databaseUrl: await ensureDatabase(postgres),
      redisUrl: config.REDIS_URL,
      ports,
      settings: { api: log, worker: log, 'emr-sandbox': log, 'webhook-inbox': log },
      step: shownStep,
    });
    const note = () => writeLock(files.lock, stack?.processes().map(({ pid }) => pid) ?? []);
    note();
    writePrivateJson(files.stack, describeStack(stack));
    supervise({ apps: stack.processes(), postgres }, { giveUp: finished.resolve, restarted: note });
    say(
      welcomeText(stack, {
        queue: config.REDIS_URL === undefined ? 'PostgreSQL' : 'Redis',
        folder: files.folder,
      }),
    );
    up = true;
    const reason = await finished.promise;
    say(reason === null ? '\nstopping' : `\nstopping: ${reason}`);
    return reason === null ? 0 : 1;
  } finally {
    await stack?.stop();
    await postgres.stop('fast');
    rmSync(files.stack, { force: true });
  }
}
