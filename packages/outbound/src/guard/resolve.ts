import { Resolver } from 'node:dns/promises';
import { isIP } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export type ResolvedAddress = { address: string; family: 4 | 6 };

/** Resolves a name to all its addresses. Rejects when there are none. */
export type Resolve = (hostname: string) => Promise<ResolvedAddress[]>;

/** A name could not be resolved. (One that resolves to an address that is not allowed is an `AddressRefusedError`.) */
export class UnresolvedError extends Error {
  override name = 'UnresolvedError';
}

/** How long the addresses of one family wait for those of the other, which usually come within some milliseconds. */
const OTHER_FAMILY_MS = 500;

/** Resolves to no addresses, `OTHER_FAMILY_MS` after one of the look-ups has found some. Rejects when all of them have failed. */
async function nothingMore(families: readonly Promise<string[]>[]): Promise<string[]> {
  await Promise.any(families);
  await pause(OTHER_FAMILY_MS, undefined, { ref: false });
  return [];
}

/**
 * Asks the name servers for A and AAAA records. It reads no hosts file and no search list. When one of the two has been found, it does not
 * wait long for the other: some name servers never answer questions for AAAA (RFC 4074, 4.1), and giving such a question up takes longer
 * than a delivery may.
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
    const families = [resolver.resolve4(hostname), resolver.resolve6(hostname)];
    const end = nothingMore(families);
    const answers = await Promise.allSettled(families.map((family) => Promise.race([family, end])));
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    if (addresses.length === 0) {
      const cause = answers.find((answer) => answer.status === 'rejected')?.reason;
      const code = (cause as { code?: string } | undefined)?.code ?? 'ENODATA';
      throw new UnresolvedError(`${hostname} could not be resolved (${code})`, { cause });
    }
    return addresses.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }));
  };
}
