import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type EmbeddedPostgres, removePlace, startEmbeddedPostgres } from './embedded-postgres.ts';
import { isServerOf } from './postgres/stale.ts';

const asRoot = process.getuid?.() === 0;

let home: string;
let dataDir: string;
const servers: EmbeddedPostgres[] = [];

async function start(): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataDir,
    port: 0,
    durable: false,
    settings: { shared_buffers: '16MB' },
  });
  servers.push(server);
  return server;
}

/** The data folder as the server sees it: `dataDir` may be a symbolic link. */
const dataFolder = (): string => join(realpathSync(dataDir), 'data');

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(sql);
    return rows;
  } finally {
    await client.end();
  }
}

beforeEach(() => {
  // Only the owner may enter, as in a clone under /root.
  home = mkdtempSync(join(tmpdir(), 'emr-payments-stack-'));
  chmodSync(home, 0o700);
  dataDir = join(home, '.local', 'postgres');
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop('immediate')));
  removePlace(dataDir);
  rmSync(home, { recursive: true, force: true });
});

describe('an embedded PostgreSQL', () => {
  test('accepts only its own password, only on 127.0.0.1, and keeps its data across a stop', async () => {
    const first = await start();
    await query(first.url, 'CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)');
    const wrong = new URL(first.url);
    wrong.password = 'wrong';
    await expect(query(wrong.href, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    expect(await query(first.url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);

    await first.stop();
    await expect(query(first.url, 'SELECT 1')).rejects.toThrow(/ECONNREFUSED/);
    const second = await start();
    expect(await query(second.url, 'SELECT n FROM kept')).toEqual([{ n: 7 }]);
  });

  test.runIf(asRoot)(
    'keeps its data in a shared temporary folder when its account cannot reach the requested one',
    async () => {
      await start();
      expect(lstatSync(dataDir).isSymbolicLink()).toBe(true);
      expect(statSync(dataDir).uid).not.toBe(0);
    },
  );

  test.runIf(asRoot)('keeps its data in the requested folder when its account can reach it', async () => {
    chmodSync(home, 0o755);
    await start();
    expect(lstatSync(dataDir).isDirectory()).toBe(true);
  });

  test('can be restarted on the same port after a kill -9, and reports the crash', async () => {
    const server = await start();
    const crashed = new Promise((resolve) => server.onCrash(resolve));
    const before = server.pid;
    process.kill(before, 'SIGKILL');
    await crashed;
    await server.restart();
    expect(server.pid).not.toBe(before);
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('stops a server that an earlier run left behind and reuses its data', async () => {
    const left = await start();
    expect(isServerOf(dataFolder(), left.pid)).toBe(true);
    await query(left.url, 'CREATE TABLE kept (n int)');
    const next = await start();
    expect(isServerOf(dataFolder(), left.pid)).toBe(false);
    expect(await query(next.url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 0 }]);
  });

  test('ignores a pid file whose process id now belongs to another program', async () => {
    const server = await start();
    const { pid } = server;
    const data = join(dataDir, 'data');
    const pidFile = readFileSync(join(data, 'postmaster.pid'), 'utf8');
    await server.stop();
    writeFileSync(join(data, 'postmaster.pid'), pidFile.replace(String(pid), String(process.pid)));
    const next = await start();
    expect(await query(next.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('creates the data again when an earlier start was interrupted while it did so', async () => {
    mkdirSync(join(dataDir, 'data.new', 'base'), { recursive: true });
    const server = await start();
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('stops by itself when the process that started it is killed', async () => {
    const parent = spawn(
      process.execPath,
      [
        '--input-type=module-typescript',
        '--eval',
        `import { startEmbeddedPostgres } from ${JSON.stringify(new URL('./embedded-postgres.ts', import.meta.url).href)};
         const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, port: 0, durable: false });
         process.stdout.write(String(server.pid));
         setInterval(() => {}, 1000);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
    const data = dataFolder();
    expect(isServerOf(data, Number(pid))).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(isServerOf(data, Number(pid))).toBe(false), { timeout: 30_000 });
  });
});
