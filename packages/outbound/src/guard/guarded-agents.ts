import http from 'node:http';
import https from 'node:https';
import { isIP, type NetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { meterConnections } from '../bound-answer.ts';
import { checkAddress } from './check-address.ts';
import { AddressRefusedError, type GuardDeps, guardedLookup } from './guarded-lookup.ts';
import { assertPolicy } from './policy.ts';

/** Agents whose connections lead only where the guard allows. The one who makes them destroys them. */
export type GuardedAgents = { http: http.Agent; https: https.Agent };

type Connect = (error: Error | null, socket: Duplex) => void;

// How long one of several addresses is tried before the next. Node's 250 ms is too short for another continent.
const NEXT_ADDRESS_MS = 2000;

/**
 * Puts the address guard into a socket's options. A literal address is checked here, because sockets do not look those up;
 * a name gets the guarded lookup. @throws AddressRefusedError
 */
function guarded<T extends object>(deps: GuardDeps, options: T): T {
  const { host, port, socketPath } = options as {
    host?: string;
    port?: number | string;
    socketPath?: string;
  };
  const target = { address: host ?? '', port: Number(port) };
  if (socketPath !== undefined && socketPath !== null) {
    throw new AddressRefusedError('not_an_address', 'a socket path is not an address');
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

/**
 * Creates agents. Every new connection goes through the address guard, and every byte on it is counted.
 * @throws TypeError when the policy has an entry that cannot be read.
 */
export function createGuardedAgents(
  deps: GuardDeps,
  options: { http: http.AgentOptions; https: https.AgentOptions },
): GuardedAgents {
  assertPolicy(deps.policy);

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

  return {
    http: meterConnections(new GuardedHttpAgent(options.http)),
    https: meterConnections(new GuardedHttpsAgent(options.https)),
  };
}
