import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by `sourceOf`. */
    foundSource: string | null;
  }
}

/** `[address]` or `[address]:port`, as in a URL. */
const BRACKETS = /^\[([^\]]*)\](?::\d{1,5})?$/;
const PORT = /:\d{1,5}$/;
/** An IPv4 address as it looks on a socket that listens for both families. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/**
 * Reduces the ways in which a proxy may write one address to one form: without port, brackets and zone, IPv4 for an IPv4-mapped
 * IPv6 address, and IPv6 in lower case with its zeros compressed (RFC 5952).
 *
 * @returns null when the text is no address, such as `unknown`.
 */
export function bareAddress(text: string): string | null {
  const inner = BRACKETS.exec(text)?.[1] ?? text;
  const address = isIP(inner) === 0 ? inner.replace(PORT, '') : inner;
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return null;
  const [plain = ''] = address.split('%');
  const canonical = new SocketAddress({ address: plain, family: 'ipv6' }).address;
  return MAPPED.exec(canonical)?.[1] ?? canonical;
}

/**
 * Makes Fastify's test of the addresses whose `X-Forwarded-For` is believed. A proxy that writes its predecessor with a port is
 * recognized; Fastify's own test takes such an entry for a caller.
 *
 * @param proxies addresses and CIDR ranges.
 * @throws Error naming the first that is neither.
 */
export function trustedProxies(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [given = '', bits, ...rest] = proxy.trim().split('/');
    const address = bareAddress(given);
    const longest = isIPv4(given) ? 32 : 128;
    // Range 0 would believe everyone.
    const valid =
      address !== null && rest.length === 0 && (bits === undefined || /^[1-9]\d{0,2}$/.test(bits));
    if (!valid || Number(bits ?? longest) > longest) {
      throw new Error(`TRUST_PROXY: '${proxy}' is neither an address nor a CIDR range.`);
    }
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(given, Number(bits), familyOf(given));
  }
  return (text) => {
    const address = bareAddress(text);
    return address !== null && list.check(address, familyOf(address));
  };
}

const familyOf = (address: string) => (isIPv4(address) ? 'ipv4' : 'ipv6');

type Sender = Pick<FastifyRequest, 'ip' | 'ips'>;

/**
 * Returns the address that a request came from, in one form (`bareAddress`): the caller's as the trusted proxies wrote it, without
 * them the socket's. Where a proxy wrote something else than an address, the proxy's own counts: otherwise each
 * invented word would be a source of its own, and escape the limits. It is found once for each request.
 */
export function sourceOf(request: Sender & { foundSource?: string | null }): string {
  request.foundSource ??= findSource(request);
  return request.foundSource;
}

function findSource(request: Sender): string {
  const addresses = request.ips ?? [request.ip];
  for (let nearest = addresses.length - 1; nearest >= 0; nearest -= 1) {
    const address = bareAddress(addresses[nearest] ?? '');
    if (address !== null) return address;
  }
  // The socket has closed: it has no address any more.
  return 'unknown';
}
