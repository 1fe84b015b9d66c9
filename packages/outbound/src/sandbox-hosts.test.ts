import { expect, test } from 'vitest';
import { parseSandboxHosts } from './sandbox-hosts.ts';

const hosts = parseSandboxHosts(
  'emr.sandbox.example, 127.0.0.1:4010,10.1.0.0/16,[::1]:4010,fd00:1::/32,UAT.example:8443',
);

test.each([
  'https://emr.sandbox.example/fhir',
  'https://EMR.sandbox.example./fhir',
  'http://emr.sandbox.example:8080/',
  'http://127.0.0.1:4010/fhir',
  'http://[::1]:4010/',
  'http://[::ffff:127.0.0.1]:4010/',
  'http://2130706433:4010/',
  'http://10.1.255.255/',
  'https://[fd00:1::9]/',
  'https://uat.example:8443/x',
])('%s is a sandbox', (url) => expect(hosts.has(url)).toBe(true));

test.each([
  'https://sandbox.example/',
  'https://emr.sandbox.example.evil.test/',
  'https://evil.test/emr.sandbox.example',
  'https://emr.sandbox.example@evil.test/',
  'http://127.0.0.1/',
  'http://127.0.0.1:4011/',
  'http://localhost:4010/',
  'http://10.2.0.1/',
  'https://uat.example/',
  'not a URL',
  '',
])('%s is none', (url) => expect(hosts.has(url)).toBe(false));

test('a port that is the usual one need not be in the URL', () => {
  const usual = parseSandboxHosts('a.example:443,b.example:80');
  expect([usual.has('https://a.example/'), usual.has('http://a.example/')]).toEqual([true, false]);
  expect(usual.has('http://b.example/')).toBe(true);
});

test('without entries there is no sandbox', () => {
  for (const text of ['', ' , '])
    expect([parseSandboxHosts(text).entries, parseSandboxHosts(text).has('http://127.0.0.1/')]).toEqual([
      [],
      false,
    ]);
});

test.each([
  'https://emr.example',
  'a b',
  '10.0.0.0/33',
  '10.0.0.0/8/8',
  'a:99999',
  'a:0',
  '[x]',
  '*.example',
])('%j is refused by name', (text) =>
  expect(() => parseSandboxHosts(`127.0.0.1,${text}`)).toThrow(`'${text}' is not a host`),
);
