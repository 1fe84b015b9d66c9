import { isIPv6 } from 'node:net';

/** Reduces an IPv6 address to its /64 network, since one network has more addresses than a log can hold. IPv4 is kept. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [left = '', right] = address.split('%')[0]?.split('::') ?? [];
  const head = left.split(':').filter((group) => group !== '');
  const tail = right === undefined ? [] : right.split(':').filter((group) => group !== '');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(zeros, 0) }, () => '0'), ...tail];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
