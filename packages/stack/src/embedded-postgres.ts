import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './ports.ts';
import { serverAccount } from './postgres/account.ts';
import { createCluster, passwordFileOf } from './postgres/create-cluster.ts';
import { findPlace } from './postgres/place.ts';
import { readPostmaster, stopStaleServer } from './postgres/stale.ts';
import { tether } from './tether.ts';

export { removePlace } from './postgres/place.ts';

const START_WITHIN_MS = 60_000;

export type EmbeddedPostgresOptions = {
  /** Kept between runs. Any folder: where the server's account cannot get there, it becomes a link to a place where it can. */
  dataDir: string;
  /** On 127.0.0.1; 0 for any free one. */
  port: number;
  /** Whether a commit must survive the loss of power. Off for unit tests alone. */
  durable: boolean;
  /** Further server settings, such as `{ max_connections: '200' }`. */
  settings?: Readonly<Record<string, string>>;
};

/** `fast` ends the sessions and writes a checkpoint; `immediate` drops everything, as a crash would. */
export type StopMode = 'fast' | 'immediate';

export type EmbeddedPostgres = {
  /** The database `postgres`, with user and password. */
  readonly url: string;
  /** The same server, another database. */
  urlOf(database: string): string;
  readonly port: number;
  /** Of the server now running; changes with a restart. */
  readonly pid: number;
  readonly logFile: string;
  stop(mode?: StopMode): Promise<void>;
  /** Starts it again on the same port and data, also after it was killed. */
  restart(mode?: StopMode): Promise<void>;
  /** Called when the server ends without having been told to. */
  onCrash(listener: (code: number | null) => void): void;
};

const NOT_DURABLE = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** Waits until the server takes connections, or has ended. */
async function started(child: ChildProcess, data: string): Promise<'ready' | 'ended'> {
  const deadline = Date.now() + START_WITHIN_MS;
  while (child.exitCode === null && child.signalCode === null) {
    const file = readPostmaster(data);
    if (file?.pid === child.pid && file?.ready) return 'ready';
    if (Date.now() > deadline) throw new Error(`PostgreSQL was not ready after ${START_WITHIN_MS / 1000} s`);
    await wait(20);
  }
  return 'ended';
}

/**
 * Starts an embedded PostgreSQL 18 on 127.0.0.1, creating its data on the first start. Works as root (the server then
 * runs as `postgres` or `nobody`) and not as root, in any folder. A server that a killed run left behind in the same
 * folder is stopped first; should this process be killed, the server stops by itself.
 *
 * @throws Error with the end of the server's log when it does not start.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const account = serverAccount();
  const place = await findPlace(
    { account },
    {
      dataDir: resolve(options.dataDir),
      prepare: async (leftOver) => {
        await stopStaleServer(join(leftOver, 'data'));
      },
    },
  );
  const data = join(place.folder, 'data');
  const logFile = join(place.folder, 'postgres.log');
  if (!existsSync(data)) await createCluster({ account, place });
  await stopStaleServer(data);

  const password = readFileSync(passwordFileOf(place), 'utf8');
  const port = options.port === 0 ? await freePort() : options.port;
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.durable ? {} : NOT_DURABLE),
    ...options.settings,
  };
  let child: ChildProcess | undefined;
  let wanted = false;
  const crashListeners: ((code: number | null) => void)[] = [];

  const launch = async (): Promise<void> => {
    const deadline = Date.now() + START_WITHIN_MS;
    for (;;) {
      const logFrom = existsSync(logFile) ? readFileSync(logFile).length : 0;
      const log = openSync(logFile, 'a', 0o600);
      const server = spawn(
        join(place.binaries, 'bin', 'postgres'),
        ['-D', data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        {
          ...account,
          cwd: place.folder,
          env: { LC_ALL: 'C', TZ: 'UTC' },
          stdio: ['ignore', log, log],
          // Ctrl-C goes to the whole process group; the database is to stop last, when it is told.
          detached: true,
        },
      );
      closeSync(log);
      // A server that cannot even be spawned counts as one that ended.
      server.on('error', () => undefined);
      server.unref();
      tether(server);
      server.once('exit', (code) => {
        if (wanted && server === child) for (const listener of crashListeners) listener(code);
      });
      if ((await started(server, data)) === 'ready') {
        child = server;
        wanted = true;
        return;
      }
      const said = readFileSync(logFile, 'utf8').slice(logFrom).trim();
      // After a kill -9 the server's children need a moment to notice; until then their memory blocks a new start.
      if (!/still in use|lock file/.test(said) || Date.now() > deadline) {
        throw new Error(`PostgreSQL did not start on port ${port}. Its log ends with:\n${said.slice(-2000)}`);
      }
      await wait(100);
    }
  };

  const stop = async (mode: StopMode = 'fast'): Promise<void> => {
    wanted = false;
    const server = child;
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('exit', resolve));
    server.ref();
    server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await ended;
  };

  await launch();
  const urlOf = (database: string): string =>
    `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    urlOf,
    port,
    logFile,
    get pid() {
      return child?.pid ?? 0;
    },
    stop,
    async restart(mode) {
      await stop(mode);
      await launch();
    },
    onCrash(listener) {
      crashListeners.push(listener);
    },
  };
}
