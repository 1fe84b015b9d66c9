import { expect, test } from 'vitest';
import { tokenUrlOf } from './token-url.ts';

const of = (setting: string | undefined, baseUrl = 'https://emr.test') =>
  tokenUrlOf({ setting, usual: `${baseUrl}/token`, baseUrl });

test('tokens come from the usual place, or from where the setting says', () => {
  expect(of(undefined)).toBe('https://emr.test/token');
  expect(of('https://login.test/oauth/token')).toBe('https://login.test/oauth/token');
  expect(of('http://127.0.0.1:4010/token')).toBe('http://127.0.0.1:4010/token');
  expect(of('http://login.test/token', 'http://emr.test')).toBe('http://login.test/token');
});

test.each([
  ['token', 'is not a URL'],
  ['ftp://login.test/token', 'must be http or https'],
  ['https://a:b@login.test/token', 'must have no user'],
  ['http://login.test/token', 'must be https: the credentials could be read on the way'],
])('%s cannot be used', (setting, message) => {
  expect(() => of(setting)).toThrow(`settings: token_url ${message}`);
});
