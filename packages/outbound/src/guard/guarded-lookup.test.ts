import { nameServers } from '@emr-payments/testkit';
import { describe, expect, test } from 'vitest';
import { checkEndpoint } from './guarded-lookup.ts';

const PUBLIC = '93.184.215.14';

const nobody = { allowHosts: [] };

describe('at registration', () => {
  const check = (url: string, ...answers: string[][]) =>
    checkEndpoint({ policy: nobody, resolve: nameServers(...answers).resolve }, url);

  test('a public name is accepted', async () => {
    expect(await check('https://hooks.example.com/', [PUBLIC, '2606:4700::1111'])).toMatchObject({
      ok: true,
    });
  });

  test.each([
    ['a wildcard name for loopback', 'https://127.0.0.1.nip.example/', ['127.0.0.1']],
    ['a name for metadata', 'https://innocent.example.com/', ['169.254.169.254']],
    ['a name for a mapped address', 'https://innocent.example.com/', ['::ffff:10.0.0.1']],
    ['a name with one private address', 'https://innocent.example.com/', [PUBLIC, '192.168.0.1']],
  ])('%s is refused', async (_, url, answer) => {
    expect(await check(url, answer)).toMatchObject({ ok: false, reason: 'address' });
  });

  test('a name without an address is refused as such', async () => {
    expect(await check('https://typo.example.com/', [])).toMatchObject({ ok: false, reason: 'unresolvable' });
  });

  test('a URL that is refused without DNS is not looked up', async () => {
    const { resolve, asked } = nameServers([PUBLIC]);
    expect(await checkEndpoint({ policy: nobody, resolve }, 'http://hooks.example.com/')).toMatchObject({
      ok: false,
      reason: 'not_https',
    });
    expect(asked).toEqual([]);
  });
});
