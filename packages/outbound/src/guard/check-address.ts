import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { type AddressRange, refusedRange } from './address-ranges.ts';
import { type AddressPolicy, vouchedAddress, vouchedHost } from './policy.ts';

// By hand: libraries against SSRF check the name that is requested, and not the address that the socket connects to.

export type AddressTarget = {
  /** As the resolver or the socket gives it: `203.0.113.9`, `2001:db8::1`. */
  address: string;
  port: number;
  /** The name that resolved to the address, if there was one: the operator may have vouched for it. */
  hostname?: string;
};

export type AddressCheck = { ok: true } | { ok: false; range: AddressRange; message: string };

// Vouching for a name means trusting its DNS. These are never a webhook receiver: a name does not open them, only an entry
// for the address itself.
const BEYOND_A_NAME: ReadonlySet<AddressRange> = new Set([
  'metadata',
  'multicast',
  'broadcast',
  'unspecified',
  'this_network',
]);

/** ipaddr.js reads `::8.8.8.8` as if it were `::ffff:8.8.8.8`; the URL parser turns both into plain hexadecimal first. */
function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 {
  if (isIP(text) === 4) return ipaddr.parse(text);
  const withoutZone = text.split('%', 1)[0] ?? '';
  return ipaddr.parse(new URL(`http://[${withoutZone}]/`).hostname.slice(1, -1));
}

/**
 * Decides whether a connection may be opened to an address. Every form that carries an IPv4 address inside an IPv6 one
 * is refused as such, whatever it carries: a translator that we do not know decides where it leads.
 */
export function checkAddress(target: AddressTarget, policy: AddressPolicy): AddressCheck {
  const refuse = (range: AddressRange): AddressCheck => ({
    ok: false,
    range,
    message: `${target.address} is not a public address (${range})`,
  });
  // isIP knows only the plain spellings; ipaddr.js alone would also take octal and hexadecimal ones.
  if (isIP(target.address) === 0) return refuse('not_an_address');
  const address = parseAddress(target.address);
  if (vouchedAddress(policy, { address, port: target.port })) return { ok: true };
  const range = refusedRange(address);
  if (range === undefined) return { ok: true };
  const { hostname, port } = target;
  const vouched = hostname !== undefined && vouchedHost(policy, { hostname, port });
  return vouched && !BEYOND_A_NAME.has(range) ? { ok: true } : refuse(range);
}
