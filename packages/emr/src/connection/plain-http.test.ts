import { expect, test } from 'vitest';
import { isPlainHttp, usesPlainHttp } from './plain-http.ts';

test.each([
  'http://emr.example/fhir',
  'HTTP://EMR.example',
  'http://10.0.0.1/fhir',
  'http://sandbox:4010/fhir',
  'http://[2001:db8::1]/',
  'http://128.0.0.1/',
  'http://localhost.example/',
  'http://127.0.0.1.example/',
  'http://127.0.0.1@emr.example/',
  'http://[::ffff:10.0.0.1]/',
  'http://0.0.0.0/',
  'http://[::]/',
])('%s can be read on the way', (url) => {
  expect(isPlainHttp(url)).toBe(true);
});

test.each([
  'https://emr.example/fhir',
  'HTTPS://10.0.0.1',
  'http://localhost:4010/fhir',
  'http://LOCALHOST/',
  'http://127.0.0.1:1/fhir',
  'http://127.9.9.9/',
  'http://127.1/',
  'http://2130706433/',
  'http://[::1]:80/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'not a url',
  'ftp://emr.example',
])('%s is https, or stays on this machine, or is no URL of an EMR', (url) => {
  expect(isPlainHttp(url)).toBe(false);
});

test('a connection is as plain as its base URL or its token URL', () => {
  const uses = (baseUrl: string, settings: unknown) => usesPlainHttp({ baseUrl, settings });
  expect(uses('http://emr.example', {})).toBe(true);
  expect(uses('https://emr.example', { token_url: 'http://emr.example/token' })).toBe(true);
  expect(uses('https://emr.example', { token_url: 'http://127.0.0.1/token' })).toBe(false);
  expect(uses('https://emr.example', null)).toBe(false);
  expect(uses('https://emr.example', { token_url: 7 })).toBe(false);
});
