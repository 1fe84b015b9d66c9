import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { findProgram, launchServer } from './server-process.ts';

const command = () => findProgram('haproxy', '-v');

/** True when HAProxy is installed. */
export const hasHaproxy = (): boolean => command() !== undefined;

export type Haproxy = {
  url: string;
  /** The names of the servers that its health checks have found ready: `api1`, `api2` … in the order given. */
  up(): Promise<string[]>;
  /** Kills it, as when its machine is lost. */
  kill(): Promise<void>;
  /** Starts it after `kill`, on the same ports. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** A server behind the proxy: where requests go, and where its health is checked if not there. */
export type ProxiedServer = { url: string; healthUrl?: string };

type HaproxyOptions = {
  servers: readonly ProxiedServer[];
  check: { everyMs: number; fall: number; rise: number };
  /**
   * True: a connection that a server refuses is made to another one, as docs/production.md recommends: nothing of the request has been sent
   * then. False, the default: a test sees every request that a proxy could not deliver.
   */
  redispatch?: boolean;
};

/**
 * The configuration of docs/operating.md, with other times. It never sends a request a second time, and it uses kept-alive connections to
 * the servers for every request.
 */
const configuration = ({
  port,
  statsPort,
  servers,
  check,
  redispatch,
}: HaproxyOptions & { port: number; statsPort: number }) => `
global
  maxconn 1000
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout check 2s
${redispatch ? '  retries 3\n  retry-on conn-failure\n  option redispatch 1' : '  retries 0'}
frontend public
  bind 127.0.0.1:${port}
  default_backend api
frontend stats
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /
backend api
  balance roundrobin
  http-reuse always
  option httpchk GET /health/ready
  http-check expect status 200
  default-server check inter ${check.everyMs}ms fall ${check.fall} rise ${check.rise}
${servers
  .map(
    ({ url, healthUrl = url }, index) =>
      `  server api${index + 1} ${new URL(url).host} port ${new URL(healthUrl).port}`,
  )
  .join('\n')}
`;

/**
 * Starts HAProxy in front of these servers.
 *
 * @throws Error when it is not installed (check `hasHaproxy()` first), or does not answer within 10 s.
 */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const file = command();
  if (file === undefined) throw new Error('haproxy is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'emr-payments-haproxy-'));
  const [port, statsPort] = [await freePort(), await freePort()];
  const configFile = join(folder, 'haproxy.cfg');
  writeFileSync(configFile, configuration({ port, statsPort, ...options }));
  const up = async (): Promise<string[]> => {
    const answer = await fetch(`http://127.0.0.1:${statsPort}/;csv`, { signal: AbortSignal.timeout(2000) });
    const lines = (await answer.text()).split('\n').map((line) => line.split(','));
    const status = lines[0]?.indexOf('status') ?? -1;
    return lines
      .filter((cells) => cells[0] === 'api' && cells[1] !== 'BACKEND' && cells[status] === 'UP')
      .map((cells) => cells[1] ?? '');
  };
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  const launch = () =>
    launchServer({
      file,
      args: ['-db', '-f', configFile],
      isReady: async () => (await up()) !== undefined,
      withinMs: 10_000,
    });
  let kill = await launch().catch((error: unknown) => {
    removeFolder();
    throw error;
  });
  return {
    url: `http://127.0.0.1:${port}`,
    up,
    kill: () => kill(),
    async start() {
      kill = await launch();
    },
    async stop() {
      await kill();
      removeFolder();
    },
  };
}
