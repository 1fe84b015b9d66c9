import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, migrate, openDatabase } from '@emr-payments/db';
import { type Keyring, parseKeyring } from '@emr-payments/runtime';
import {
  type AppProcess,
  appAccess,
  freePort,
  removePlace,
  startApp,
  startEmbeddedPostgres,
} from '@emr-payments/stack';
import { startRedis } from '@emr-payments/testkit';
import { HOST } from '../processes.ts';
import { watchTransitions } from '../transitions.ts';
import { type Director, openDirector } from './director.ts';

/** Short, so that a schedule does not wait long until a lease has passed; long enough for a worker on a busy machine to renew. */
export const LEASE_MS = 1_500;

/** Where the schedules play: PostgreSQL, the queue, and two directed workers, used by one schedule after the other. */
export type Stage = {
  readonly database: Database;
  readonly databaseUrl: string;
  readonly keyring: Keyring;
  readonly webhookSecret: string;
  readonly director: Director;
  /** Kills the worker with this process id, by `SIGKILL`, and starts it again. */
  crash(pid: number): Promise<void>;
  close(): Promise<void>;
};

type Release = () => Promise<unknown>;

const newSecret = () => randomBytes(32).toString('base64');

async function open(
  { folder, backend }: { folder: string; backend: 'redis' | 'postgres' },
  releases: Release[],
): Promise<Omit<Stage, 'close'>> {
  const dataDir = join(folder, 'postgres');
  releases.push(async () => removePlace(dataDir));
  const postgres = await startEmbeddedPostgres({ dataDir, port: 0, durable: false });
  releases.push(() => postgres.stop('immediate'));
  const redis = backend === 'redis' ? await startRedis() : null;
  releases.push(async () => redis?.stop());
  const app = appAccess(postgres.url);
  await migrate({ url: postgres.url, appRole: app.role });
  await watchTransitions(postgres.url);
  const director = await openDirector();
  releases.push(() => director.close());
  const database = openDatabase({ url: postgres.url, poolSize: 4, applicationName: 'crash suite' });
  releases.push(() => database.close());

  const keys = `crash:${newSecret()}`;
  const startWorker = async (name: string): Promise<AppProcess> => {
    const port = await freePort();
    const worker = await startApp({
      app: 'worker',
      entry: join(import.meta.dirname, 'directed-worker.ts'),
      name,
      url: `http://${HOST}:${port}`,
      logFile: join(folder, `${name}.log`),
      env: {
        HOST,
        HEALTH_PORT: String(port),
        DATABASE_URL: app.url,
        ...(redis === null ? {} : { REDIS_URL: redis.url }),
        ENCRYPTION_KEYS: keys,
        WEBHOOK_ALLOW_HOSTS: HOST,
        LOG_LEVEL: 'info',
        LEASE_MS: String(LEASE_MS),
        // One at a time: a worker that is frozen at a point has asked the queue for nothing else.
        POSTING_CONCURRENCY: '1',
        // A settlement has a place for its delivery, beside the one that waits for the queue.
        DELIVERY_CONCURRENCY: '2',
        DIRECTOR_URL: director.url,
      },
    });
    releases.push(() => worker.kill());
    return worker;
  };
  // One after the other: on the first start, only one process may create the queue's schema.
  const workers = [await startWorker('worker'), await startWorker('worker-2')];
  return {
    database,
    databaseUrl: postgres.url,
    keyring: parseKeyring(keys),
    webhookSecret: `whsec_${newSecret()}`,
    director,
    async crash(pid) {
      const worker = workers.find((each) => each.pid === pid);
      if (worker === undefined) throw new Error(`no worker has the process id ${pid}`);
      await worker.kill();
      director.forget(pid);
      await worker.start();
    },
  };
}

/** Starts everything that the schedules share. @throws the error of the part that did not start. */
export async function openStage(input: { folder: string; backend: 'redis' | 'postgres' }): Promise<Stage> {
  mkdirSync(input.folder, { recursive: true });
  const releases: Release[] = [];
  const close = async (): Promise<void> => {
    for (let next = releases.pop(); next !== undefined; next = releases.pop()) await next();
  };
  try {
    return { ...(await open(input, releases)), close };
  } catch (error) {
    await close();
    throw error;
  }
}
