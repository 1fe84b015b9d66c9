import { isIP } from 'node:net';
import { checkAddress } from './check-address.ts';
import { type AddressPolicy, DEFAULT_PORTS, vouchedHost } from './policy.ts';

export type UrlRefusal =
  | 'not_a_url'
  | 'not_https'
  | 'credentials'
  | 'host_spelling'
  | 'host_name'
  | 'port'
  | 'address';

/** A URL to which a webhook may be sent. `hostname` has no brackets around an IPv6 address. */
export type CheckedUrl = { ok: true; url: URL; hostname: string; port: number };

export type UrlCheck = CheckedUrl | { ok: false; reason: UrlRefusal; message: string };

const LONGEST_URL = 2048;

/** Suffixes of names that mean this machine or this network (RFC 6761, 6762, 7686, 8375, ICANN's `.internal`, common habit). */
const LOCAL_SUFFIXES = [
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'private',
  'corp',
  'home',
  'lan',
  'home.arpa',
  'onion',
];

const isLocalName = (hostname: string): boolean =>
  !hostname.includes('.') ||
  LOCAL_SUFFIXES.some((suffix) => hostname === suffix || hostname.endsWith(`.${suffix}`));

/** Reads the host as it was written, before the URL parser makes it canonical. */
function writtenHost(text: string): string {
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
  return authority
    .slice(authority.lastIndexOf('@') + 1)
    .replace(/:\d*$/, '')
    .toLowerCase();
}

/**
 * Checks everything about an endpoint's URL that needs no DNS: at registration, and again before every send, because the
 * operator's policy may have changed. Names are resolved and checked when a connection is opened (`guardedLookup`).
 * International names are accepted in either spelling; an IPv4 address only as four plain decimal numbers.
 */
export function checkUrl(text: string, policy: AddressPolicy): UrlCheck {
  const refuse = (reason: UrlRefusal, message: string): UrlCheck => ({ ok: false, reason, message });
  // The URL parser silently drops or rewrites these characters; another parser on the way may not.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  const hidden = /[\u0000-\u0020\u007f-\u00a0\\]/.test(text);
  const url = hidden || text.length > LONGEST_URL ? null : URL.parse(text);
  if (url === null || !/^[a-z]+:\/\/[^/]/i.test(text)) {
    return refuse('not_a_url', 'the URL must be absolute, without blanks, at most 2048 characters long');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return refuse('not_https', 'the URL must be https');
  if (url.username !== '' || url.password !== '' || /^[a-z]+:\/\/[^/?#]*@/i.test(text)) {
    return refuse('credentials', 'the URL must not hold a user name or password');
  }

  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  // Node would take the scheme's own port for it.
  if (port === 0) return refuse('port', 'the port must not be 0');
  if (hostname.endsWith('.')) return refuse('host_spelling', 'the host must not end with a full stop');
  if (isIP(hostname) === 4 && writtenHost(text) !== hostname) {
    return refuse('host_spelling', 'an IPv4 address must be written as four decimal numbers');
  }

  if (isIP(hostname) !== 0) {
    const check = checkAddress({ address: hostname, port }, policy);
    if (!check.ok) return refuse('address', check.message);
  } else if (isLocalName(hostname) && !vouchedHost(policy, { hostname, port })) {
    return refuse('host_name', `${hostname} is not a public host name`);
  }

  if (vouchedHost(policy, { hostname, port })) return { ok: true, url, hostname, port };
  if (url.protocol !== 'https:') return refuse('not_https', 'the URL must be https');
  const ports = policy.ports ?? DEFAULT_PORTS;
  if (!ports.includes(port)) return refuse('port', `the port must be one of ${ports.join(', ')}`);
  return { ok: true, url, hostname, port };
}
