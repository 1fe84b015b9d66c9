import http from 'node:http';
import https from 'node:https';
import { isIP, type NetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkAddress } from './guard/check-address.ts';
import { AddressRefusedError, type GuardDeps, guardedLookup } from './guard/guarded-lookup.ts';
import { type AddressPolicy, assertPolicy } from './guard/policy.ts';
import { dnsResolve, type Resolve } from './guard/resolve.ts';

/** The connections to receivers. One pair for a process; `close` at its end. */
export type WebhookAgents = { http: http.Agent; https: https.Agent; close(): void };

export type AgentOptions = {
  policy: AddressPolicy;
  /** Where public names are resolved; the system's name servers unless told. */
  resolve?: Resolve;
  /** Idle connections kept over all receivers; 256 unless told. */
  maxFreeSockets?: number;
  /** Certificate authorities (PEM) instead of Node's own. Operators set NODE_EXTRA_CA_CERTS; this is for tests. */
  ca?: string;
};

type Connect = (error: Error | null, socket: Duplex) => void;

// Shorter than the 5 s after which many servers close an idle connection: reusing one that is just being closed looks
// like a reset by the receiver.
const IDLE_MS = 4000;
// How long one address of several is tried before the next. Node's 250 ms is too short for another continent.
const NEXT_ADDRESS_MS = 2000;

/**
 * What a socket is opened with: a literal address is checked here, since sockets do not look those up, and a name gets
 * the guarded lookup. @throws AddressRefusedError
 */
function guarded<T extends object>(deps: GuardDeps, options: T): T {
  const { host, port, socketPath } = options as {
    host?: string;
    port?: number | string;
    socketPath?: string;
  };
  const target = { address: host ?? '', port: Number(port) };
  if (socketPath !== undefined && socketPath !== null) {
    throw new AddressRefusedError('not_an_address', 'a socket path is not a receiver');
  }
  if (isIP(target.address) !== 0) {
    const check = checkAddress(target, deps.policy);
    if (!check.ok) throw new AddressRefusedError(check.range, check.message);
  }
  return Object.assign(options, {
    lookup: guardedLookup(deps, { port: target.port }),
    autoSelectFamilyAttemptTimeout: NEXT_ADDRESS_MS,
  });
}

const idleSockets = (agent: http.Agent): number =>
  Object.values(agent.freeSockets).reduce((count, sockets) => count + (sockets?.length ?? 0), 0);

/** Node bounds idle sockets for each receiver only; with thousands of receivers the sum is what matters. */
function boundIdle(agent: http.Agent, most: number): void {
  const keep = agent.keepSocketAlive.bind(agent);
  agent.keepSocketAlive = (socket) => idleSockets(agent) < most && keep(socket);
}

/**
 * Keep-alive agents whose every new connection goes through the address guard.
 * @throws TypeError when the policy has an entry that cannot be read.
 */
export function createAgents(options: AgentOptions): WebhookAgents {
  assertPolicy(options.policy);
  const deps: GuardDeps = { policy: options.policy, resolve: options.resolve ?? dnsResolve() };
  const common = { keepAlive: true, timeout: IDLE_MS, scheduling: 'lifo' } as const;

  class GuardedHttpAgent extends http.Agent {
    override createConnection(
      connection: http.ClientRequestArgs,
      callback?: Connect,
    ): Duplex | null | undefined {
      return super.createConnection(guarded(deps, connection), callback);
    }
  }
  class GuardedHttpsAgent extends https.Agent {
    override createConnection(connection: NetConnectOpts, callback?: Connect): Duplex | null | undefined {
      return super.createConnection(guarded(deps, connection), callback);
    }
  }

  const plain = new GuardedHttpAgent(common);
  const tls = new GuardedHttpsAgent({ ...common, ...(options.ca === undefined ? {} : { ca: options.ca }) });
  const most = options.maxFreeSockets ?? 256;
  boundIdle(plain, most);
  boundIdle(tls, most);
  return {
    http: plain,
    https: tls,
    close() {
      plain.destroy();
      tls.destroy();
    },
  };
}
