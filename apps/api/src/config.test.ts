import { afterEach, expect, test, vi } from 'vitest';
import { readConfig } from './config.ts';

afterEach(() => vi.unstubAllEnvs());

function read(variables: Record<string, string>) {
  vi.stubEnv('DATABASE_URL', 'postgresql://user@localhost/none');
  vi.stubEnv('ENCRYPTION_KEYS', `k1:${Buffer.alloc(32, 1).toString('base64')}`);
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  return readConfig;
}

test('the drain is 5 s, /metrics has no token and the API no health port, unless the environment says otherwise', () => {
  const config = read({})();
  expect([config.DRAIN_MS, config.HEALTH_PORT, config.METRICS_TOKEN]).toEqual([5000, undefined, undefined]);
});

test.each([
  ['DRAIN_MS', '-1'],
  ['DRAIN_MS', '5s'],
  ['DRAIN_MS', '3600000'],
  ['STOP_GRACE_MS', '0'],
  ['METRICS_TOKEN', 'short'],
  ['METRICS_TOKEN', 'sixteen letters with blanks'],
  ['HEALTH_PORT', '65536'],
  ['ENCRYPTION_KEYS', 'k1:short'],
  ['TRUST_PROXY', '10.0.0.0/8,*'],
  ['WEBHOOK_ALLOW_HOSTS', '10.0.0.0/99'],
  ['SANDBOX_HOSTS', 'http://sandbox'],
])('%s=%s stops the start with the name of the variable', (name, value) => {
  expect(read({ [name]: value })).toThrow(name);
});

test('so does a health port that is the port of the API', () => {
  expect(read({ PORT: '3000', HEALTH_PORT: '3000' })).toThrow('HEALTH_PORT is the same as PORT');
});

test('lists may have blanks behind their commas', () => {
  const lists = { TRUST_PROXY: '10.0.0.0/8, 192.0.2.7', WEBHOOK_ALLOW_HOSTS: 'inbox, ::1' };
  expect(read(lists)().allowHosts).toEqual(['inbox', '::1']);
});
