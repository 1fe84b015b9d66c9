import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { bareAddress, trustedProxies } from './source.ts';

const FAILURES = 4;
let api: TestApi;
let base: string;

beforeAll(async () => {
  api = await openTestApi({
    authFailuresPerMinute: FAILURES,
    trustProxy: ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48'],
  });
  base = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => api.close());

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:5678', '192.0.2.1'],
  ['[192.0.2.1]:5678', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['[::ffff:192.0.2.1]:443', '192.0.2.1'],
  ['0:0:0:0:0:FFFF:C000:201', '192.0.2.1'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:0db8::0001', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['2001:db8:0:0:0:0:0:1:443', '2001:db8::1'],
  ['fe80::1%eth0', 'fe80::1'],
  ['::1', '::1'],
  ['unknown', null],
  ['_hidden', null],
  ['', null],
  ['1.2.3', null],
  ['256.1.1.1', null],
  ['[]:80', null],
  ['192.0.2.1:port', null],
])('%j is the address %j', (text, address) => {
  expect(bareAddress(text)).toBe(address);
});

test('proxies are recognized in any form, and a range that is none is refused by name', () => {
  const trusted = trustedProxies(['10.0.0.0/8', ' ::ffff:192.0.2.7', '2001:DB8:1::/48']);
  for (const address of ['10.1.2.3:80', '::ffff:10.1.2.3', '192.0.2.7', '[2001:db8:1::5]:443'])
    expect(trusted(address), address).toBe(true);
  for (const address of ['11.1.2.3', '192.0.2.8', '2001:db8:2::5', 'unknown'])
    expect(trusted(address), address).toBe(false);
  for (const wrong of ['10.0.0.0/33', '10.0.0.0/0', '::/129', '10.0.0', '10.0.0.0/8/8', '']) {
    expect(() => trustedProxies([wrong])).toThrow(
      `TRUST_PROXY: '${wrong}' is neither an address nor a CIDR range.`,
    );
  }
});

describe('requests through a proxy', () => {
  const tryFrom = async (forwarded: string): Promise<number> => {
    const headers = {
      client_id: 'ci_nobody',
      client_secret: 'x',
      access_token: 'y',
      'x-forwarded-for': forwarded,
    };
    const answer = await fetch(`${base}/v1/payments`, { headers });
    await answer.body?.cancel();
    return answer.status;
  };
  const tryAll = async (forwarded: readonly string[]): Promise<number[]> => {
    const codes: number[] = [];
    for (const each of forwarded) codes.push(await tryFrom(each));
    return codes;
  };
  const ALL = Array<number>(FAILURES).fill(401);

  test.each([
    ['ports', ['198.51.100.1:1', '198.51.100.1:2', '198.51.100.1', '198.51.100.1:65535', '198.51.100.1:3']],
    [
      'IPv4-mapped',
      [
        '::ffff:198.51.100.2',
        '198.51.100.2',
        '::FFFF:c633:6402',
        '[::ffff:198.51.100.2]:1',
        '198.51.100.2:9',
      ],
    ],
    [
      'IPv6',
      ['2001:db8::1', '[2001:DB8::1]:443', '2001:db8:0:0:0:0:0:1', '[2001:db8::1]:444', '2001:db8::1'],
    ],
    [
      'one IPv6 network',
      ['2001:db8:5::1', '[2001:db8:5::2]:1', '2001:DB8:5::3', '2001:db8:5:0:1::4', '2001:db8:5::5'],
    ],
    [
      'proxies with ports',
      [
        '198.51.100.4, 10.0.0.1:80',
        '198.51.100.4:5,10.0.0.2:80',
        '198.51.100.4, [2001:db8:ffff::1]:80',
        '198.51.100.4',
        '198.51.100.4:1,::ffff:10.9.9.9',
      ],
    ],
    [
      'invented predecessors',
      [
        '1.1.1.1, 198.51.100.5',
        '1.1.1.2, 198.51.100.5:1',
        'x, 198.51.100.5',
        '198.51.100.5',
        '10.0.0.1, 198.51.100.5',
      ],
    ],
    [
      'no addresses',
      ['a, 10.7.7.7', 'b, 10.7.7.7', 'unknown,10.7.7.7:1', '_x, 10.7.7.7', '300.1.1.1, 10.7.7.7'],
    ],
  ])('%s are one source', async (_what, forwarded) => {
    expect(await tryAll(forwarded)).toEqual([...ALL, 429]);
  });

  test('other addresses are other sources', async () => {
    expect(await tryAll(['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4', '203.0.113.5'])).toEqual(
      [...ALL, 401],
    );
  });

  test('the audit log has the bare address', async () => {
    const caller = await api.newCaller();
    const headers = { client_id: caller.client_id, client_secret: caller.client_secret };
    const answer = await fetch(`${base}/v1/webhooks`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'x-forwarded-for': '[2001:DB8:9:0::7]:443' },
      body: JSON.stringify({ url: 'http://127.0.0.1:1/audited' }),
    });
    expect(answer.status).toBe(200);
    const { data } = (await answer.json()) as { data: { id: string } };
    const entry = await api.database.prisma.auditEntry.findFirst({
      where: { subject: `endpoint:${data.id}` },
    });
    expect(entry?.source).toBe('2001:db8:9::7');
  });
});
