import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressRange } from './address-ranges.ts';
import { checkAddress } from './check-address.ts';
import { checkUrl, type UrlCheck } from './check-url.ts';
import { type AddressPolicy, vouchedHost } from './policy.ts';
import { type Resolve, type ResolvedAddress, UnresolvedError } from './resolve.ts';

/** A connection was not opened because its address is not allowed. */
export class AddressRefusedError extends Error {
  override name = 'AddressRefusedError';
  readonly code = 'ADDRESS_REFUSED';
  readonly range: AddressRange;
  constructor(range: AddressRange, message: string) {
    super(message);
    this.range = range;
  }
}

export type GuardDeps = { policy: AddressPolicy; resolve: Resolve };

/** Resolves a vouched name through the system: it may be in the hosts file, or known only to the container network. */
async function systemResolve(hostname: string): Promise<ResolvedAddress[]> {
  try {
    const found = await lookup(hostname, { all: true, order: 'verbatim' });
    return found.map(({ address }) => ({ address, family: isIP(address) === 6 ? 6 : 4 }));
  } catch (cause) {
    throw new UnresolvedError(`${hostname} could not be resolved`, { cause });
  }
}

/**
 * Resolves a name, and returns its addresses only when all of them are allowed. A name with public and private addresses is
 * an attack or a mistake, and the answer must not depend on which address is tried first.
 *
 * @throws AddressRefusedError for the first address that is not allowed; UnresolvedError when there is none.
 */
export async function resolveAllowed(
  { policy, resolve }: GuardDeps,
  target: { hostname: string; port: number },
): Promise<ResolvedAddress[]> {
  let addresses: ResolvedAddress[];
  try {
    addresses = await (vouchedHost(policy, target) ? systemResolve : resolve)(target.hostname);
  } catch (cause) {
    if (cause instanceof UnresolvedError) throw cause;
    throw new UnresolvedError(`${target.hostname} could not be resolved`, { cause });
  }
  if (addresses.length === 0) throw new UnresolvedError(`${target.hostname} has no address`);
  for (const { address } of addresses) {
    const check = checkAddress({ ...target, address }, policy);
    if (!check.ok) throw new AddressRefusedError(check.range, `${target.hostname}: ${check.message}`);
  }
  return addresses;
}

/**
 * Makes a `lookup` for a socket. The socket connects to the addresses that it returns, so the DNS has no chance to answer
 * differently between check and connection. Sockets do not look up literal addresses: the code that creates the socket must
 * check those itself (`createAgents` does).
 */
export function guardedLookup(deps: GuardDeps, target: { port: number }): LookupFunction {
  return (hostname, options, callback) => {
    resolveAllowed(deps, { hostname, port: target.port }).then(
      (addresses) => {
        const family = options.family === 4 || options.family === 6 ? options.family : undefined;
        const usable = addresses.filter((one) => family === undefined || one.family === family);
        const [first] = usable;
        if (first === undefined) callback(new UnresolvedError(`${hostname} has no IPv${family} address`), '');
        else if (options.all) callback(null, usable);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, ''),
    );
  };
}

/**
 * Checks a URL at registration: `checkUrl`, and then every address that the name has now. A name that does not resolve is
 * refused as `unresolvable`, so that the person who mistyped it sees the error.
 */
export async function checkEndpoint(
  deps: GuardDeps,
  url: string,
): Promise<UrlCheck | { ok: false; reason: 'unresolvable'; message: string }> {
  const check = checkUrl(url, deps.policy);
  if (!check.ok || isIP(check.hostname) !== 0) return check;
  try {
    await resolveAllowed(deps, check);
    return check;
  } catch (error) {
    if (error instanceof AddressRefusedError) return { ok: false, reason: 'address', message: error.message };
    if (error instanceof UnresolvedError)
      return { ok: false, reason: 'unresolvable', message: error.message };
    throw error;
  }
}
