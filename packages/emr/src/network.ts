import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import type { ClientMode } from '@emr-payments/contracts';
import { boundIdle, type ClosingHosts, createClosingHosts } from '@emr-payments/outbound';
import { meterConnections } from '@emr-payments/outbound/bound-answer';
import {
  AddressRefusedError,
  checkUrl,
  createGuardedAgents,
  dnsResolve,
  type GuardDeps,
} from '@emr-payments/outbound/guard';

type ConnectionAgents = { http: HttpAgent; https: HttpsAgent };

/** The way from a connection to its EMR: which addresses it may call, and the pools of connections to them. */
export type Network = {
  /** Connections that are kept alive. */
  readonly kept: ConnectionAgents;
  /** Each exchange has a connection of its own: nothing on it can be a late answer to an earlier request. */
  readonly unshared: ConnectionAgents;
  /** The hosts to which no connection is kept. */
  readonly closing: ClosingHosts;
  /** Checks the URL of a request before it is made. @throws AddressRefusedError */
  assertUrl(url: string): void;
};

/**
 * How many idle connections a process keeps, over all EMRs and all its networks. They may all be to one host, because all practices of some
 * vendors are at one: with fewer than a worker has calls at once, each burst opens the others again.
 */
const MOST_IDLE = 256;
// An idle connection is closed after 15 s, sooner than servers commonly close it.
const KEPT: AgentOptions = { keepAlive: true, maxFreeSockets: MOST_IDLE, timeout: 15_000 };
const UNSHARED: AgentOptions = { keepAlive: false };

const bounded = boundIdle({ most: MOST_IDLE });
const idleBounded = ({ http, https }: ConnectionAgents): ConnectionAgents => ({
  http: bounded(http),
  https: bounded(https),
});

/** Makes agents whose connections are metered. */
function agentsWith(options: AgentOptions): ConnectionAgents {
  return {
    http: meterConnections(new HttpAgent(options)),
    https: meterConnections(new HttpsAgent(options)),
  };
}

/** Makes a network without a guard. */
export const openNetwork = (options: AgentOptions = {}): Network => ({
  kept: idleBounded(agentsWith({ ...KEPT, ...options })),
  unshared: agentsWith({ ...UNSHARED, ...options }),
  closing: createClosingHosts(),
  assertUrl: () => undefined,
});

/** For addresses that an operator has chosen: an EMR in the operator's own network is a usual case. */
export const OPEN_NETWORK: Network = openNetwork();

/**
 * Makes a network for addresses that somebody else has chosen. Every URL is checked before its request is made, whatever it comes from,
 * and every address when it is connected to: the answer of the DNS may have changed since the connection was saved. It shares no
 * connection with another network, whose connections may lead elsewhere.
 */
export function guardedNetwork(guard: GuardDeps, options: AgentOptions = {}): Network {
  const agents = (own: AgentOptions) =>
    createGuardedAgents(guard, { http: own, https: { ...own, ...options } });
  return {
    kept: idleBounded(agents(KEPT)),
    unshared: agents(UNSHARED),
    closing: createClosingHosts(),
    assertUrl(url) {
      const check = checkUrl(url, guard.policy);
      if (!check.ok) throw new AddressRefusedError('not_an_address', check.message);
    },
  };
}

/** The part of a stored connection that decides which addresses it may call. */
export type NetworkOwner = {
  /** True: an address of the connection was chosen by somebody else than an operator. */
  guarded: boolean;
  /** Only a guarded connection of a test client may call a sandbox. */
  clientMode: ClientMode;
};

/** The networks of a process. */
export type Networks = {
  of(owner: NetworkOwner): Network;
  /** The guard under which a connection's addresses are checked; null for one that is not guarded. */
  guardOf(owner: NetworkOwner): GuardDeps | null;
};

/**
 * Makes the networks of a process. Those with a guard are made when a connection first needs one, and the others cost nothing.
 *
 * @param input.sandboxHosts addresses that a guarded connection of a test client may call besides the public ones, also by http, as
 *   `AddressPolicy` has them.
 * @param input.resolve resolves public names; by default, through the system's name servers.
 * @param input.agents options of TLS for the guarded networks, for tests.
 */
export function createNetworks({
  sandboxHosts = [],
  resolve,
  agents = {},
}: {
  sandboxHosts?: readonly string[];
  resolve?: GuardDeps['resolve'];
  agents?: AgentOptions;
} = {}): Networks {
  const policies = { test: { allowHosts: sandboxHosts }, live: { allowHosts: [] } };
  let guards: Record<'test' | 'live', GuardDeps> | undefined;
  const made = new Map<GuardDeps, Network>();
  function guardOf({ guarded, clientMode }: NetworkOwner): GuardDeps | null {
    if (!guarded) return null;
    if (guards === undefined) {
      const dns = resolve ?? dnsResolve();
      guards = {
        test: { policy: policies.test, resolve: dns },
        live: { policy: policies.live, resolve: dns },
      };
    }
    return guards[clientMode];
  }
  return {
    guardOf,
    of(owner) {
      const guard = guardOf(owner);
      if (guard === null) return OPEN_NETWORK;
      let network = made.get(guard);
      if (network === undefined) {
        network = guardedNetwork(guard, agents);
        made.set(guard, network);
      }
      return network;
    },
  };
}
