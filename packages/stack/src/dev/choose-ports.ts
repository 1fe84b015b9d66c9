import { choosePort } from '../ports.ts';
import type { DevConfig } from './config.ts';
import { say } from './terminal.ts';

/** The port of each part when its variable is not set. */
const PREFERRED = [
  { part: 'api', variable: 'API_PORT', preferred: 3000 },
  { part: 'sandbox', variable: 'SANDBOX_PORT', preferred: 4010 },
  { part: 'inbox', variable: 'INBOX_PORT', preferred: 4020 },
  { part: 'postgres', variable: 'POSTGRES_PORT', preferred: 5433 },
] as const;

export type Ports = Record<(typeof PREFERRED)[number]['part'], number>;

/**
 * Chooses a port for each part. When the default port is taken, it takes the next free one and prints it.
 *
 * @throws PortTakenError when a variable names a port that is taken.
 */
export async function choosePorts(config: DevConfig): Promise<Ports> {
  const ports: Ports = { api: 0, sandbox: 0, inbox: 0, postgres: 0 };
  for (const { part, variable, preferred } of PREFERRED) {
    const wish = {
      variable,
      asked: config[variable],
      preferred,
      chosen: Object.values(ports).filter((port) => port > 0),
    };
    const { port, moved } = await choosePort(wish);
    if (moved) say(`  port ${preferred} is in use: using ${port} (set ${variable} to choose another)`);
    ports[part] = port;
  }
  return ports;
}
