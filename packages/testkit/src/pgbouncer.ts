import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { findProgram, launchServer } from './server-process.ts';

const command = () => findProgram('pgbouncer', '--version');

/** True when PgBouncer is installed. */
export const hasPgbouncer = (): boolean => command() !== undefined;

export type Pgbouncer = {
  /** The URL given, by way of PgBouncer. */
  urlOf(url: string): string;
  stop(): Promise<void>;
};

/** PgBouncer refuses to run as root. */
function account(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const idOf = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}

/**
 * Starts PgBouncer in front of one server.
 *
 * @param options.urls of the accounts that may log in, all on the same server.
 * @param options.settings more of its settings, such as `{ ignore_startup_parameters: 'options' }`.
 * @throws Error when it is not installed (check `hasPgbouncer()` first), or does not listen within 10 s.
 */
export async function startPgbouncer(options: {
  urls: readonly string[];
  mode: 'session' | 'transaction';
  settings?: Readonly<Record<string, string>>;
}): Promise<Pgbouncer> {
  const file = command();
  const [first] = options.urls;
  if (file === undefined) throw new Error('pgbouncer is not installed');
  if (first === undefined) throw new Error('pgbouncer needs the URL of at least one account');
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-pgbouncer-'));
  const port = await freePort();
  const accounts = options.urls.map((url) => new URL(url));
  const usersFile = join(folder, 'users.txt');
  writeFileSync(
    usersFile,
    accounts
      .map(
        ({ username, password }) => `"${username}" "${decodeURIComponent(password).replaceAll('"', '""')}"\n`,
      )
      .join(''),
    { mode: 0o600 },
  );
  const configFile = join(folder, 'pgbouncer.ini');
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: usersFile,
    pool_mode: options.mode,
    default_pool_size: 50,
    max_client_conn: 500,
    ...options.settings,
  };
  writeFileSync(
    configFile,
    [
      '[databases]',
      `* = host=${accounts[0]?.hostname} port=${accounts[0]?.port}`,
      '[pgbouncer]',
      ...Object.entries(settings).map(([name, value]) => `${name} = ${value}`),
    ].join('\n'),
    { mode: 0o600 },
  );
  const runAs = account();
  if (runAs !== null)
    for (const path of [folder, usersFile, configFile]) chownSync(path, runAs.uid, runAs.gid);
  chmodSync(folder, 0o700);

  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const stopServer = await launchServer({
    file,
    args: [configFile],
    isReady: () => listens(port),
    withinMs: 10_000,
    options: { ...runAs, cwd: folder },
  }).catch((error: unknown) => {
    removeFolder();
    throw error;
  });
  return {
    urlOf(url) {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    async stop() {
      await stopServer();
      removeFolder();
    },
  };
}

/** Resolves when PgBouncer has closed the connection that asked: until then it counts as a client. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.end());
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(true));
    socket.resume();
  });
}
