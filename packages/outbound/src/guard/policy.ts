import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type AddressBlock, inBlock } from './address-ranges.ts';

/** Says where webhooks may go; the operator decides. Without entries, only to public addresses over https. */
export type AddressPolicy = {
  /**
   * Receivers that the operator vouches for; they may also be reached over http. An entry is a host (`localhost`,
   * `hooks.internal`, `10.1.2.3`, `::1`) or a block (`10.1.0.0/16`, `fd00:1::/32`), and with `:port` it holds for that port
   * only (`localhost:4020`, `10.1.0.0/16:8080`, `[::1]:4020`, `[fd00:1::/32]:8080`).
   */
  allowHosts: readonly string[];
  /** The ports of all other receivers; 443 and 8443 by default. */
  ports?: readonly number[];
};

/** 443, and 8443, which is common where 443 is taken. Any other port could be another protocol's. */
export const DEFAULT_PORTS: readonly number[] = [443, 8443];

type Entry = { port: number | undefined } & ({ host: string } | { block: AddressBlock });

const ENTRY = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^[\]:]+))(?::(?<port>\d{1,5}))?$/;

function parseEntry(text: string): Entry {
  const bare = ipaddr.IPv6.isValid(text) || ipaddr.IPv6.isValidCIDR(text);
  const parts = bare ? { bracketed: text } : ENTRY.exec(text.trim())?.groups;
  const name = parts?.bracketed ?? parts?.plain;
  const port = parts?.port === undefined ? undefined : Number(parts.port);
  if (name !== undefined && (port === undefined || (port > 0 && port < 65_536))) {
    if (ipaddr.isValidCIDR(name)) return { block: ipaddr.parseCIDR(name), port };
    if (isIP(name) !== 0) return { block: [ipaddr.parse(name), isIP(name) === 4 ? 32 : 128], port };
    const host = URL.parse(`http://${name}/`)?.hostname;
    if (host === name.toLowerCase() && /^[a-z0-9_.-]+$/.test(host)) return { host, port };
  }
  throw new TypeError(`'${text}' is not a host or CIDR block, with an optional :port`);
}

const parsed = new WeakMap<AddressPolicy, readonly Entry[]>();

function entriesOf(policy: AddressPolicy): readonly Entry[] {
  let entries = parsed.get(policy);
  if (entries === undefined) {
    entries = policy.allowHosts.map(parseEntry);
    parsed.set(policy, entries);
  }
  return entries;
}

/**
 * Checks the operator's entries, so that a mistake stops the start and not a delivery.
 * @throws TypeError naming the first entry that cannot be read.
 */
export function assertPolicy(policy: AddressPolicy): void {
  entriesOf(policy);
}

/**
 * Reads WEBHOOK_ALLOW_HOSTS: entries of an `AddressPolicy`, separated by commas.
 *
 * @throws TypeError naming the variable and the first entry that cannot be read.
 */
export function parseAllowHosts(text: string): string[] {
  const allowHosts = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  try {
    assertPolicy({ allowHosts });
  } catch (cause) {
    throw new TypeError(`WEBHOOK_ALLOW_HOSTS: ${(cause as Error).message}`, { cause });
  }
  return allowHosts;
}

/** Says whether the operator vouches for this address at this port, by the address itself or a block that contains it. */
export function vouchedAddress(
  policy: AddressPolicy,
  target: { address: ipaddr.IPv4 | ipaddr.IPv6; port: number },
): boolean {
  return entriesOf(policy).some(
    (entry) =>
      'block' in entry && inBlock(target.address, entry.block) && (entry.port ?? target.port) === target.port,
  );
}

/** Says whether the operator vouches for the host of a URL, a name or a literal address, at this port. */
export function vouchedHost(policy: AddressPolicy, target: { hostname: string; port: number }): boolean {
  const { hostname, port } = target;
  if (isIP(hostname) !== 0) return vouchedAddress(policy, { address: ipaddr.parse(hostname), port });
  return entriesOf(policy).some(
    (entry) => 'host' in entry && entry.host === hostname.toLowerCase() && (entry.port ?? port) === port,
  );
}
