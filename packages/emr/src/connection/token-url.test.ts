import { Value } from '@sinclair/typebox/value';
import { expect, test } from 'vitest';
import { tokenUrlOf, tokenUrlSetting } from './token-url.ts';

const of = (setting: string | undefined, baseUrl = 'https://emr.test') =>
  tokenUrlOf({ setting, usual: `${baseUrl}/token`, baseUrl });

test('tokens come from the usual place, or from where the setting says', () => {
  expect(of(undefined)).toBe('https://emr.test/token');
  expect(of('https://login.test/oauth/token')).toBe('https://login.test/oauth/token');
  expect(of('http://127.0.0.1:4010/token')).toBe('http://127.0.0.1:4010/token');
  expect(of('http://login.test/token', 'http://emr.test')).toBe('http://login.test/token');
});

test('two ways to write one token URL are one URL, because the tokens of a credential are kept by it', () => {
  expect(of(' HTTPS://Login.TEST:443/token')).toBe('https://login.test/token');
});

test('the setting takes no text that is longer than any URL', () => {
  const takes = (length: number) => Value.Check(tokenUrlSetting('there'), 'x'.repeat(length));
  expect([takes(2000), takes(2001)]).toEqual([true, false]);
});

test.each([
  ['token', 'is not a URL'],
  ['ftp://login.test/token', 'must be http or https'],
  ['https://a:b@login.test/token', 'must have no user'],
  ['https://a@login.test/token', 'must have no user'],
  ['https://:b@login.test/token', 'must have no user'],
  ['https://login.test/token#part', 'must have no user and no fragment'],
  ['https://login.test/token#', 'must have no user and no fragment'],
  ['http://login.test/token', 'must be https: the credentials could be read on the way'],
])('%s cannot be used', (setting, message) => {
  expect(() => of(setting)).toThrow(`settings: token_url ${message}`);
});
