import ipaddr from 'ipaddr.js';

/** The kind of an address that is not public. */
export type AddressRange =
  | 'metadata'
  | 'this_network'
  | 'loopback'
  | 'private'
  | 'link_local'
  | 'carrier_grade_nat'
  | 'multicast'
  | 'broadcast'
  | 'documentation'
  | 'benchmark'
  | 'reserved'
  | 'unspecified'
  | 'ipv4_mapped'
  | 'ipv4_compatible'
  | 'ipv4_translated'
  | 'nat64'
  | '6to4'
  | 'teredo'
  | 'unique_local'
  | 'site_local'
  | 'not_an_address';

/**
 * The ranges that are not public, from IANA's special-purpose address registries (IPv4, IPv6) as of 2026 and the cloud
 * vendors' pages. The table is ours; ipaddr.js only parses and compares. The first match names the address, so narrow
 * ranges come first.
 */
const TABLE: readonly (readonly [AddressRange, readonly string[]])[] = [
  [
    'metadata',
    [
      '169.254.169.254/32', // AWS, Azure, Google Cloud, DigitalOcean, OpenStack
      '169.254.170.2/32', // AWS ECS credentials
      '169.254.170.23/32', // AWS EKS pod identity
      '169.254.42.42/32', // Scaleway
      '168.63.129.16/32', // Azure's wire server, in public space
      '100.100.100.200/32', // Alibaba Cloud
      '192.0.0.192/32', // Oracle Cloud (classic)
      'fd00:ec2::254/128', // AWS over IPv6
      'fd00:ec2::23/128', // AWS EKS pod identity over IPv6
      'fd20:ce::254/128', // Google Cloud over IPv6
      'fd00:42::42/128', // Scaleway over IPv6
    ],
  ],
  ['this_network', ['0.0.0.0/8']],
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['private', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']],
  ['link_local', ['169.254.0.0/16', 'fe80::/10']],
  ['carrier_grade_nat', ['100.64.0.0/10']],
  ['multicast', ['224.0.0.0/4', 'ff00::/8']],
  ['broadcast', ['255.255.255.255/32']],
  ['documentation', ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20']],
  ['benchmark', ['198.18.0.0/15', '2001:2::/48']],
  ['unspecified', ['::/128']],
  ['ipv4_compatible', ['::/96']],
  ['ipv4_mapped', ['::ffff:0:0/96']],
  ['ipv4_translated', ['::ffff:0:0:0/96']],
  ['nat64', ['64:ff9b::/96', '64:ff9b:1::/48']],
  ['teredo', ['2001::/32']],
  ['6to4', ['2002::/16', '192.88.99.0/24']],
  ['unique_local', ['fc00::/7']],
  ['site_local', ['fec0::/10']],
  [
    'reserved',
    [
      '192.0.0.0/24', // protocol assignments
      '192.31.196.0/24', // AS112
      '192.52.193.0/24', // AMT
      '192.175.48.0/24', // AS112
      '240.0.0.0/4', // class E
      '2001::/23', // protocol assignments: ORCHID, AMT, AS112, drone remote id
      '2620:4f:8000::/48', // AS112
    ],
  ],
];

type Address = ipaddr.IPv4 | ipaddr.IPv6;
export type AddressBlock = readonly [Address, number];

const BLOCKS = TABLE.flatMap(([range, cidrs]) =>
  cidrs.map((cidr) => ({ range, block: ipaddr.parseCIDR(cidr) })),
);
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');

/** Says whether an address lies in a block. An address of the other family never does. */
export function inBlock(address: Address, [network, bits]: AddressBlock): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}

/** Finds the range that makes an address not public; undefined for a public one. */
export function refusedRange(address: Address): AddressRange | undefined {
  const hit = BLOCKS.find(({ block }) => inBlock(address, block));
  if (hit !== undefined) return hit.range;
  // Public IPv6 addresses are assigned from 2000::/3 only: all others are refused, also those that are in no row.
  return address.kind() === 'ipv6' && !inBlock(address, GLOBAL_UNICAST) ? 'reserved' : undefined;
}
