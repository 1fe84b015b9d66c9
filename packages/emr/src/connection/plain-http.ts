import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True for `localhost` and the addresses of this machine. A name that only resolves to one of them may resolve to another later. */
function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost') return true;
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/**
 * True when requests to a base URL can be read on the way, with the credentials and what they say of patients: http to another machine.
 * A URL that cannot be read is left to `readBaseUrl`.
 */
export function isPlainHttp(baseUrl: string): boolean {
  const url = URL.parse(baseUrl);
  return url !== null && url.protocol === 'http:' && !isLoopback(url.hostname);
}

/**
 * True when requests of a stored connection can be read on the way: those to its EMR, or to the token URL of its settings. A token URL
 * in the credentials, which are sealed, is checked when they are saved.
 */
export function usesPlainHttp({ baseUrl, settings }: { baseUrl: string; settings: unknown }): boolean {
  const { token_url: tokenUrl } = (settings ?? {}) as { token_url?: unknown };
  return isPlainHttp(baseUrl) || (typeof tokenUrl === 'string' && isPlainHttp(tokenUrl));
}
