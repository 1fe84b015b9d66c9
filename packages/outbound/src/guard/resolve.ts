import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';

export type ResolvedAddress = { address: string; family: 4 | 6 };

/** Resolves a name to all its addresses. Rejects when there are none. */
export type Resolve = (hostname: string) => Promise<ResolvedAddress[]>;

/** A name could not be resolved. (One that resolves to an address that is not allowed is an `AddressRefusedError`.) */
export class UnresolvedError extends Error {
  override name = 'UnresolvedError';
}

/**
 * Asks the name servers for A and AAAA records. It reads no hosts file and no search list.
 *
 * It does not use `dns.lookup`, which runs in libuv's pool of four threads: a handful of names whose servers do not answer
 * would hold up every other endpoint's connection.
 *
 * @param servers name servers as `address` or `address:port`; the system's by default.
 */
export function dnsResolve(servers?: readonly string[]): Resolve {
  const resolver = new Resolver({ timeout: 2000, tries: 3 });
  if (servers !== undefined) resolver.setServers(servers);
  return async (hostname) => {
    const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length === 0) {
      const cause = answers.find((answer) => answer.status === 'rejected')?.reason;
      const code = (cause as { code?: string } | undefined)?.code ?? 'ENODATA';
      throw new UnresolvedError(`${hostname} could not be resolved (${code})`, { cause });
    }
    return addresses.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }));
  };
}
