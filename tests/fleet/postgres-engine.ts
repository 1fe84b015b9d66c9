import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type AppAccess,
  appAccess,
  OVERWRITES_FREED_MEMORY,
  removePlace,
  startEmbeddedPostgres,
} from '@emr-payments/stack';
import { startPostgresPair } from '@emr-payments/stack/testing';
import type { FleetFault } from './fault.ts';
import type { PostgresKind } from './options.ts';

export type PostgresEngine = {
  /** The database as the owner of its tables, on the server that takes writes now. */
  readonly ownerUrl: string;
  /** The role of the service. */
  role: AppAccess['role'];
  /** The database for the service, whichever server takes writes. */
  serviceUrl: string;
  /** The faults of the engine, the most telling ones first. */
  faults: readonly FleetFault[];
  /** The logs of its servers. */
  logFiles(): string[];
  stop(): Promise<void>;
};

export type PostgresOptions = {
  kind: PostgresKind;
  folder: string;
};

/** How long the standby is away. */
const AWAY_MS = 8_000;
/** How long it is away before the primary is lost, too. */
const AWAY_BEFORE_MS = 4_000;
/** How long a single server is away. */
const RESTARTED_AFTER_MS = 2_000;

/** Durable, as in production. The connections are those of docs/production.md. */
const SETTINGS = { max_connections: '200', shared_buffers: '128MB', max_wal_size: '2GB' };

/** A frozen primary is not replaced: it is back before Patroni, whose `ttl` is 30 s, would do that. */
const FROZEN_MS = 6_000;

/** Stops a server and its sessions, which do not get a signal that is sent to the server, and lets them go on after a while. */
async function freeze(server: number): Promise<void> {
  process.kill(server, 'SIGSTOP');
  const listed = spawnSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).stdout.split('\n');
  const sessions = listed.map((line) => line.trim().split(/\s+/).map(Number));
  const pids = sessions.flatMap(([pid, parent]) => (pid !== undefined && parent === server ? [pid] : []));
  const signal = (pid: number, name: NodeJS.Signals) => {
    try {
      process.kill(pid, name);
    } catch {
      // The session has ended meanwhile.
    }
  };
  for (const pid of pids) signal(pid, 'SIGSTOP');
  try {
    await wait(FROZEN_MS);
  } finally {
    for (const pid of [...pids, server]) signal(pid, 'SIGCONT');
  }
}

async function openSingle({ folder }: PostgresOptions): Promise<PostgresEngine> {
  const dataDir = join(folder, 'postgres');
  const server = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    durable: true,
    env: OVERWRITES_FREED_MEMORY,
    settings: SETTINGS,
  });
  const access = appAccess(server.url);
  return {
    ownerUrl: server.url,
    role: access.role,
    serviceUrl: access.url,
    faults: [
      {
        name: `PostgreSQL stopped as in a crash, back after ${RESTARTED_AFTER_MS / 1000} s`,
        takesMs: RESTARTED_AFTER_MS + 3_000,
        async strike() {
          await server.stop('immediate');
          await wait(RESTARTED_AFTER_MS);
          await server.restart();
        },
      },
    ],
    logFiles: () => [server.logFile],
    async stop() {
      await server.stop('immediate');
      copyFileSync(server.logFile, join(folder, 'postgres.log'));
      removePlace(dataDir);
    },
  };
}

async function openPair({ folder }: PostgresOptions): Promise<PostgresEngine> {
  const pair = await startPostgresPair({ folder, settings: SETTINGS });
  const { role } = appAccess(pair.primary.url);
  const owner = pair.urlOf('postgres');
  const killed: FleetFault = {
    name: 'PostgreSQL primary killed, standby promoted, old one back as standby',
    takesMs: 8_000,
    async strike() {
      await pair.killPrimary();
      await pair.promote();
      await pair.rejoin();
    },
  };
  return {
    get ownerUrl() {
      return pair.primary.url;
    },
    role,
    serviceUrl: owner.replace(/^(postgresql:\/\/)[^@]*@/, `$1${role.name}:${role.password}@`),
    faults: [
      killed,
      {
        name: `PostgreSQL standby away for ${AWAY_MS / 1000} s`,
        takesMs: AWAY_MS + 4_000,
        async strike() {
          await pair.standbyAway();
          await wait(AWAY_MS);
          await pair.standbyBack();
        },
      },
      {
        // What was acknowledged in that time would be lost with the primary.
        name: `PostgreSQL standby away for ${AWAY_BEFORE_MS / 1000} s, then the primary lost and the standby promoted`,
        takesMs: AWAY_BEFORE_MS + 10_000,
        async strike() {
          await pair.standbyAway();
          await wait(AWAY_BEFORE_MS);
          await pair.killPrimary();
          await pair.standby.restart();
          await pair.promote();
          await pair.rejoin();
        },
      },
      {
        name: `PostgreSQL primary frozen (SIGSTOP) for ${FROZEN_MS / 1000} s`,
        takesMs: FROZEN_MS + 1_000,
        strike: () => freeze(pair.primary.pid),
      },
    ],
    logFiles: () => [pair.primary.logFile, pair.standby.logFile],
    async stop() {
      for (const [name, server] of Object.entries({ primary: pair.primary, standby: pair.standby }))
        copyFileSync(server.logFile, join(folder, `postgres-${name}.log`));
      await pair.stop();
    },
  };
}

/** Starts the PostgreSQL of the fleet. */
export const openPostgres = (options: PostgresOptions): Promise<PostgresEngine> =>
  ({ single: openSingle, standby: openPair })[options.kind](options);
