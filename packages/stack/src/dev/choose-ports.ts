import { choosePort } from '../ports.ts';
import type { DevConfig } from './config.ts';
import { say } from './terminal.ts';

/** Where each part listens unless its variable says otherwise. */
const PREFERRED = [
  { part: 'api', variable: 'API_PORT', preferred: 3000 },
  { part: 'sandbox', variable: 'SANDBOX_PORT', preferred: 4010 },
  { part: 'inbox', variable: 'INBOX_PORT', preferred: 4020 },
  { part: 'postgres', variable: 'POSTGRES_PORT', preferred: 5433 },
] as const;

export type Ports = Record<(typeof PREFERRED)[number]['part'], number>;

/**
 * Chooses a port for each part. When a part's usual port is taken, the next free one is used and named on the terminal.
 *
 * @throws PortTakenError when a port was asked for by variable and is taken.
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
    if (moved) say(`  port ${preferred} is taken: using ${port} (${variable} decides)`);
    ports[part] = port;
  }
  return ports;
}
