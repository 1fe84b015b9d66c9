import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { LIMITS } from '../apps/api/src/limits.ts';

/** deploy/compose against what the service needs. README.md there says how it was run. */

const compose = join(import.meta.dirname, '..', 'deploy', 'compose');
const read = (name: string): string => readFileSync(join(compose, name), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'emr-payments-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

type Service = {
  image: string;
  ports?: string[];
  secrets?: string[];
  environment?: Record<string, string>;
  read_only?: boolean;
  cap_drop?: string[];
  mem_limit?: string;
  networks?: string[];
};
const { services, secrets } = parse(read('production.yml'), { merge: true }) as {
  services: Record<string, Service>;
  secrets: Record<string, { file: string }>;
};

test('make-secrets makes the secrets of production.yml, for root alone, and never a second time', () => {
  const made = join(folder, 'secrets');
  execFileSync(join(compose, 'make-secrets'), [made]);
  expect(readdirSync(made).toSorted()).toEqual(Object.keys(secrets).toSorted());
  expect(statSync(made).mode & 0o777).toBe(0o700);
  const password = readFileSync(join(made, 'app-password'), 'utf8').trim();
  expect(readFileSync(join(made, 'database-url'), 'utf8')).toContain(`:${password}@`);
  expect(() => execFileSync(join(compose, 'make-secrets'), [made], { stdio: 'pipe' })).toThrow(/exists/);
});

test('a service has each file that its variables name, and no other secret', () => {
  for (const [name, { environment = {}, secrets: given = [] }] of Object.entries(services)) {
    const named = Object.entries(environment).flatMap(([variable, value]) =>
      variable.endsWith('_FILE') ? value.replace('/run/secrets/', '') : [],
    );
    expect(given.toSorted(), name).toEqual(name === 'redis' ? ['redis-auth'] : named.toSorted());
  }
});

test('only the proxy is published, and every service is bounded and has no privilege that it does not need', () => {
  const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
  expect(published.map(([name]) => name)).toEqual(['proxy']);
  for (const [name, service] of Object.entries(services)) {
    expect(service, name).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      pids_limit: 512,
      security_opt: ['no-new-privileges:true'],
    });
  }
});

test('the proxy lets the published headers through, and none of the operator’s paths', () => {
  const caddyfile = read('Caddyfile');
  expect(caddyfile).toMatch(/^\t\texpected_underscore_headers client_id client_secret access_token$/m);
  expect(/@public path (.*)$/m.exec(caddyfile)?.[1]?.split(' ')).toEqual([
    '/',
    '/v1/*',
    '/connect',
    '/connect/*',
    '/docs',
    '/docs/*',
    '/openapi.json',
  ]);
  // Headers are credentials, and Caddy logs them with an error.
  expect(caddyfile).toMatch(/^\t+request delete$/m);
});

test('the proxy repeats what has left only where the API does it once all the same, and closes idle connections first', () => {
  const caddyfile = read('Caddyfile');
  const repeated = [...caddyfile.matchAll(/^\t+lb_retry_match \{\n([^}]*)\}/gm)].map(([, body = '']) =>
    body.trim().split(/\n\t+/),
  );
  expect(repeated).toEqual([['method GET HEAD'], ['path /v1/*', 'header Idempotency-Key *']]);
  const keptFor = Number(/^\t+keepalive (\d+)s$/m.exec(caddyfile)?.[1]);
  expect(keptFor * 1000).toBeLessThan(LIMITS.keepAliveMs);
});
