import { constants } from 'node:crypto';
import type http from 'node:http';
import type https from 'node:https';
import { boundIdle, type ClosingHosts, createClosingHosts } from '@emr-payments/outbound';
import {
  type AddressPolicy,
  createGuardedAgents,
  dnsResolve,
  type Resolve,
} from '@emr-payments/outbound/guard';

/** The connections to receivers. A process creates one pair and closes it at its end. */
export type WebhookAgents = {
  http: http.Agent;
  https: https.Agent;
  /** Open a connection for each request, and close it after its answer. */
  unkept: { http: http.Agent; https: https.Agent };
  /** The receivers to which no connection is kept. */
  closing: ClosingHosts;
  /** Closes all connections. An attempt that is under way ends as `canceled`, and so does one that begins later. */
  close(): void;
  isClosed(): boolean;
};

export type AgentOptions = {
  policy: AddressPolicy;
  /** Resolves public names; by default, through the system's name servers. */
  resolve?: Resolve;
  /** How many idle connections are kept over all receivers, the latest ones; 256 by default. */
  maxFreeSockets?: number;
  /** Milliseconds that an idle connection is kept; 4,000 by default. */
  idleMs?: number;
  /** Certificate authorities (PEM) in place of Node's own, for tests. Operators set NODE_EXTRA_CA_CERTS instead. */
  ca?: string;
};

// Shorter than the 5 s after which many servers close an idle connection. A connection that is reused while the server
// closes it looks like a reset by the receiver.
const IDLE_MS = 4000;

/**
 * Creates the agents. Every new connection goes through the address guard, and every byte on it is counted.
 * @throws TypeError when the policy has an entry that cannot be read.
 */
export function createAgents(options: AgentOptions): WebhookAgents {
  const kept = { keepAlive: true, timeout: options.idleMs ?? IDLE_MS, scheduling: 'lifo' } as const;
  // Each renegotiation costs us a handshake, as often as the receiver asks. TLS 1.3 has none. (EMRs keep it, within the bytes
  // that TLS may need by itself: a practice's server with optional client certificates asks for one.)
  const secure = { secureOptions: constants.SSL_OP_NO_RENEGOTIATION };
  const ca = options.ca === undefined ? {} : { ca: options.ca };
  const guard = { policy: options.policy, resolve: options.resolve ?? dnsResolve() };
  const agentsWith = (own: http.AgentOptions) =>
    createGuardedAgents(guard, { http: own, https: { ...own, ...secure, ...ca } });
  const { http: plain, https: tls } = agentsWith(kept);
  const unkept = agentsWith({ keepAlive: false });
  const bounded = boundIdle({ most: options.maxFreeSockets ?? 256 });
  let closed = false;
  return {
    http: bounded(plain),
    https: bounded(tls),
    unkept,
    closing: createClosingHosts(),
    close() {
      closed = true;
      for (const agent of [plain, tls, unkept.http, unkept.https]) agent.destroy();
    },
    isClosed: () => closed,
  };
}
