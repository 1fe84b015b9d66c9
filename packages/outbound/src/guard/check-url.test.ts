import { describe, expect, test } from 'vitest';
import { checkAddress } from './check-address.ts';
import { checkUrl } from './check-url.ts';
import { assertPolicy } from './policy.ts';

const nobody = { allowHosts: [] };

/** Every hostile URL, and the name of the rule that must refuse it. */
const HOSTILE_URLS: [string, string, string][] = [
  ['plain http', 'http://hooks.example.com/', 'not_https'],
  ['another scheme', 'ftp://hooks.example.com/', 'not_https'],
  ['a file', 'file:///etc/passwd', 'not_a_url'],
  ['gopher to Redis', 'gopher://127.0.0.1:6379/_FLUSHALL', 'not_https'],
  ['javascript', 'javascript:alert(1)', 'not_a_url'],
  ['data', 'data:text/plain,hello', 'not_a_url'],
  ['no scheme', 'hooks.example.com/in', 'not_a_url'],
  ['relative to the scheme', '//hooks.example.com/', 'not_a_url'],
  ['empty', '', 'not_a_url'],
  ['no slashes', 'https:hooks.example.com', 'not_a_url'],
  ['three slashes', 'https:///169.254.169.254/', 'not_a_url'],
  ['backslashes', 'https:\\\\127.0.0.1\\', 'not_a_url'],
  ['a backslash before the real host', 'https://hooks.example.com\\@127.0.0.1/', 'not_a_url'],
  ['a tab in the host', 'https://127.0\t.0.1/', 'not_a_url'],
  ['a line feed in the host', 'https://local\nhost/', 'not_a_url'],
  ['a header after a line feed', 'https://hooks.example.com/\r\nX-Evil: 1', 'not_a_url'],
  ['a blank in front', ' https://hooks.example.com/', 'not_a_url'],
  ['a unix socket', 'https://unix:/var/run/docker.sock:/containers', 'host_name'],
  ['longer than 2048 characters', `https://hooks.example.com/${'a'.repeat(2048)}`, 'not_a_url'],
  ['a port that is none', 'https://hooks.example.com:99999/', 'not_a_url'],
  ['user and password', 'https://user:secret@hooks.example.com/', 'credentials'],
  ['a user that looks like the host', 'https://hooks.example.com@127.0.0.1/', 'credentials'],
  ['empty credentials', 'https://@hooks.example.com/', 'credentials'],
  ['an escaped @ after a user', 'https://a:b%40c@hooks.example.com/', 'credentials'],
  ['localhost', 'https://localhost/', 'host_name'],
  ['localhost in capitals', 'https://LOCALHOST/', 'host_name'],
  ['a name below localhost', 'https://hooks.localhost/', 'host_name'],
  ['localhost with a full stop', 'https://localhost./', 'host_spelling'],
  ['localhost in circled letters', 'https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/', 'host_name'],
  ['localhost with an ideographic full stop', 'https://hooks。localhost/', 'host_name'],
  ['localhost with a soft hyphen', 'https://local\u00adhost/', 'host_name'],
  ['localhost, escaped', 'https://%6c%6fcalhost/', 'host_name'],
  ['localdomain', 'https://localhost.localdomain/', 'host_name'],
  ['Google metadata by name', 'https://metadata.google.internal/', 'host_name'],
  ['a Kubernetes service', 'https://api.default.svc.cluster.local/', 'host_name'],
  ['a name without a dot', 'https://redis/', 'host_name'],
  ['a home router', 'https://router.home.arpa/', 'host_name'],
  ['an onion service', 'https://expyuzz4wqqyqhjn.onion/', 'host_name'],
  ['a public name with a full stop at its end', 'https://hooks.example.com./', 'host_spelling'],
  ['loopback as one decimal number', 'https://2130706433/', 'host_spelling'],
  ['loopback as one hexadecimal number', 'https://0x7f000001/', 'host_spelling'],
  ['loopback as one octal number', 'https://017700000001/', 'host_spelling'],
  ['loopback in octal parts', 'https://0177.0.0.1/', 'host_spelling'],
  ['loopback in hexadecimal parts', 'https://0x7f.0x0.0x0.0x1/', 'host_spelling'],
  ['loopback in two parts', 'https://127.1/', 'host_spelling'],
  ['loopback in three parts', 'https://127.0.1/', 'host_spelling'],
  ['loopback with a full stop', 'https://127.0.0.1./', 'host_spelling'],
  ['loopback in full-width digits', 'https://１２７.０.０.１/', 'host_spelling'],
  ['loopback in circled digits', 'https://①②⑦.⓪.⓪.①/', 'host_spelling'],
  ['loopback, escaped', 'https://%31%32%37.0.0.1/', 'host_spelling'],
  ['loopback with zeros in front', 'https://127.000.000.001/', 'host_spelling'],
  ['metadata as one decimal number', 'https://2852039166/', 'host_spelling'],
  ['metadata in octal parts', 'https://0251.0376.0251.0376/', 'host_spelling'],
  ['a public address as one number', 'https://134744072/', 'host_spelling'],
  ['zero', 'https://0/', 'host_spelling'],
  ['loopback', 'https://127.0.0.1/', 'address'],
  ['elsewhere in loopback', 'https://127.8.8.8/', 'address'],
  ['metadata', 'https://169.254.169.254/latest/meta-data/', 'address'],
  ['IPv6 loopback', 'https://[::1]/', 'address'],
  ['IPv6 loopback written out', 'https://[0:0:0:0:0:0:0:1]/', 'address'],
  ['IPv6 unspecified', 'https://[::]/', 'address'],
  ['loopback mapped into IPv6', 'https://[::ffff:127.0.0.1]/', 'address'],
  ['loopback mapped, in hexadecimal', 'https://[::ffff:7f00:1]/', 'address'],
  ['metadata behind NAT64', 'https://[64:ff9b::a9fe:a9fe]/', 'address'],
  ['an IPv6 zone', 'https://[fe80::1%25eth0]/', 'not_a_url'],
  ['SSH', 'https://hooks.example.com:22/', 'port'],
  ['Redis', 'https://hooks.example.com:6379/', 'port'],
  ['PostgreSQL', 'https://hooks.example.com:5432/', 'port'],
  ['port 80', 'https://hooks.example.com:80/', 'port'],
  ['port 0', 'https://hooks.example.com:0/', 'port'],
];

/** Every kind of address that is not public, and the range that it must be refused as. */
const HOSTILE_ADDRESSES: [string, string][] = [
  ['0.0.0.0', 'this_network'],
  ['0.1.2.3', 'this_network'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['10.0.0.1', 'private'],
  ['10.255.255.255', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['169.254.0.1', 'link_local'],
  ['169.254.169.254', 'metadata'],
  ['169.254.170.2', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['100.64.0.1', 'carrier_grade_nat'],
  ['100.127.255.255', 'carrier_grade_nat'],
  ['192.0.0.192', 'metadata'],
  ['192.0.0.8', 'reserved'],
  ['192.0.2.1', 'documentation'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['198.18.0.1', 'benchmark'],
  ['198.19.255.255', 'benchmark'],
  ['192.88.99.1', '6to4'],
  ['192.31.196.1', 'reserved'],
  ['192.52.193.1', 'reserved'],
  ['192.175.48.1', 'reserved'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::7f00:1', 'ipv4_compatible'],
  ['::8.8.8.8', 'ipv4_compatible'],
  ['::ffff:10.0.0.1', 'ipv4_mapped'],
  ['::ffff:8.8.8.8', 'ipv4_mapped'],
  ['::ffff:0:7f00:1', 'ipv4_translated'],
  ['64:ff9b::7f00:1', 'nat64'],
  ['64:ff9b::808:808', 'nat64'],
  ['64:ff9b:1::a00:1', 'nat64'],
  ['100::1', 'reserved'],
  ['2001::1', 'teredo'],
  ['2001:2::1', 'benchmark'],
  ['2001:3::1', 'reserved'],
  ['2001:10::1', 'reserved'],
  ['2001:20::1', 'reserved'],
  ['2001:db8::1', 'documentation'],
  ['3fff::1', 'documentation'],
  ['2002:7f00:1::', '6to4'],
  ['2002:a9fe:a9fe::1', '6to4'],
  ['2620:4f:8000::1', 'reserved'],
  ['4000::1', 'reserved'],
  ['5f00::1', 'reserved'],
  ['fc00::1', 'unique_local'],
  ['fd00:ec2::254', 'metadata'],
  ['fd12:3456:789a::1', 'unique_local'],
  ['fe80::1', 'link_local'],
  ['fe80::1%eth0', 'link_local'],
  ['febf::1', 'link_local'],
  ['fec0::1', 'site_local'],
  ['ff02::1', 'multicast'],
  ['2130706433', 'not_an_address'],
  ['0177.0.0.1', 'not_an_address'],
  ['0x7f.0.0.1', 'not_an_address'],
  ['127.1', 'not_an_address'],
  ['localhost', 'not_an_address'],
  ['', 'not_an_address'],
];

describe('refused', () => {
  test('the tables are long enough to mean something', () => {
    expect(HOSTILE_URLS.length).toBeGreaterThanOrEqual(60);
    expect(HOSTILE_ADDRESSES.length).toBeGreaterThanOrEqual(60);
  });

  test.each(HOSTILE_URLS)('%s: %j', (_, url, reason) => {
    expect(checkUrl(url, nobody)).toMatchObject({ ok: false, reason });
  });

  test.each(HOSTILE_ADDRESSES)('%s is %s', (address, range) => {
    expect(checkAddress({ address, port: 443 }, nobody)).toMatchObject({ ok: false, range });
  });

  test.each(HOSTILE_ADDRESSES.filter(([address]) => address.includes(':') && !address.includes('%')))(
    'https://[%s]/ is refused as a URL too',
    (address) => {
      expect(checkUrl(`https://[${address}]/`, nobody)).toMatchObject({ ok: false, reason: 'address' });
    },
  );
});

describe('accepted', () => {
  test.each([
    ['a public name', 'https://hooks.example.com/in?tenant=7'],
    ['the second port', 'https://hooks.example.com:8443/'],
    ['an international name', 'https://bücher.example/'],
    ['its other spelling', 'https://xn--bcher-kva.example/'],
    ['a scheme in capitals', 'HTTPS://HOOKS.EXAMPLE.COM/'],
    ['an @ in the path', 'https://hooks.example.com/@me'],
    ['a public IPv4 address', 'https://8.8.8.8/'],
    ['a public IPv6 address', 'https://[2606:4700:4700::1111]/'],
  ])('%s', (_, url) => {
    expect(checkUrl(url, nobody)).toMatchObject({ ok: true });
  });

  test.each([
    '8.8.8.8',
    '1.1.1.1',
    '172.15.0.1',
    '172.32.0.1',
    '100.63.255.255',
    '100.128.0.1',
    '2606:4700::1111',
  ])('%s is public', (address) => {
    expect(checkAddress({ address, port: 443 }, nobody)).toEqual({ ok: true });
  });

  test('other ports, when the operator says so', () => {
    const policy = { allowHosts: [], ports: [9443] };
    expect(checkUrl('https://hooks.example.com:9443/', policy)).toMatchObject({ ok: true });
    expect(checkUrl('https://hooks.example.com/', policy)).toMatchObject({ ok: false, reason: 'port' });
  });
});

describe('hosts that the operator vouches for', () => {
  const policy = {
    allowHosts: ['localhost:4020', 'Inbox', '10.1.0.0/16', '192.168.7.7:8080', '[fd00:1::/32]:8080', '::1'],
  };

  test.each([
    ['a name at its port', 'http://localhost:4020/webhooks'],
    ['a name at any port', 'http://inbox:1234/'],
    ['a name over https', 'https://inbox/'],
    ['an address in a block', 'http://10.1.2.3:9000/'],
    ['an address at its port', 'http://192.168.7.7:8080/'],
    ['an IPv6 block at its port', 'http://[fd00:1::5]:8080/'],
    ['an IPv6 address', 'https://[::1]:7777/'],
  ])('%s', (_, url) => {
    expect(checkUrl(url, policy)).toMatchObject({ ok: true });
  });

  test.each([
    ['the name at another port', 'http://localhost:4021/', 'host_name'],
    ['an address of it', 'http://127.0.0.1:4020/', 'address'],
    ['an address beside the block', 'https://10.2.0.1/', 'address'],
    ['the address at another port', 'http://192.168.7.7/', 'address'],
    ['a name below the name', 'http://evil.inbox/', 'not_https'],
    ['the mapped form of an address in the block', 'https://[::ffff:10.1.2.3]/', 'address'],
    ['another spelling of an address in the block', 'http://0x0a010203/', 'host_spelling'],
    ['a public name over http', 'http://hooks.example.com/', 'not_https'],
  ])('but not %s', (_, url, reason) => {
    expect(checkUrl(url, policy)).toMatchObject({ ok: false, reason });
  });

  test('a vouched name may be private, and still not a metadata service', () => {
    const at = (address: string) => checkAddress({ address, hostname: 'inbox', port: 80 }, policy);
    expect(at('172.18.0.5')).toEqual({ ok: true });
    expect(at('127.0.0.1')).toEqual({ ok: true });
    expect(at('169.254.169.254')).toMatchObject({ ok: false, range: 'metadata' });
    expect(at('0.0.0.0')).toMatchObject({ ok: false, range: 'this_network' });
  });

  test.each([
    '',
    'http://localhost',
    'localhost:',
    'localhost:0',
    'localhost:70000',
    '10.0.0.0/33',
    '*.internal',
    '127.1',
    'a b',
  ])('the entry %j stops the start', (entry) => {
    expect(() => assertPolicy({ allowHosts: [entry] })).toThrow(`'${entry}' is not a host or CIDR block`);
  });
});
