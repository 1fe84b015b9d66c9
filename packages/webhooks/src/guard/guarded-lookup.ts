import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { AddressRange } from './address-ranges.ts';
import { checkAddress } from './check-address.ts';
import { checkUrl, type UrlCheck } from './check-url.ts';
import { type AddressPolicy, vouchedHost } from './policy.ts';
import { type Resolve, type ResolvedAddress, UnresolvedError } from './resolve.ts';

/** A connection that was not opened because of where it would have gone. */
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

/** A vouched name may stand in the hosts file, or be known to the container network alone: ask the system. */
async function systemResolve(hostname: string): Promise<ResolvedAddress[]> {
  try {
    const found = await lookup(hostname, { all: true, order: 'verbatim' });
    return found.map(({ address }) => ({ address, family: isIP(address) === 6 ? 6 : 4 }));
  } catch (cause) {
    throw new UnresolvedError(`${hostname} could not be resolved`, { cause });
  }
}

/**
 * Resolves a name and hands out its addresses only when all of them are allowed: a name that mixes public and private
 * ones is an attack or a mistake, and neither may depend on which is tried first.
 *
 * @throws AddressRefusedError for the first that is not allowed; UnresolvedError when there are none.
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
 * A `lookup` for a socket: what it hands over is what the socket dials, so no answer of the DNS can change in between.
 * Sockets do not look up literal addresses: whoever makes the socket checks those first (`createAgents` does).
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
 * The whole check for a registration: `checkUrl`, and then every address that the name has now. A name that does not
 * resolve is refused as `unresolvable`, so that a typing error is seen by the one who made it.
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
