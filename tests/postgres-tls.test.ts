import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresClient } from '@emr-payments/runtime/postgres';
import { type EmbeddedPostgres, removePlace, startEmbeddedPostgres } from '@emr-payments/stack';
import { testServers } from '@emr-payments/testkit';
import { TEST_CERTIFICATE, TEST_KEY } from '@emr-payments/testkit/tls';
import { afterAll, beforeAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'emr-payments-tls-'));
const dataDir = join(folder, 'postgres');
const trusted = join(folder, 'root.crt');
let server: EmbeddedPostgres;

beforeAll(async () => {
  const options = { dataDir, port: 0, durable: false, settings: { shared_buffers: '16MB' } };
  const plain = await startEmbeddedPostgres(options);
  const { uid, gid } = statSync(plain.data);
  for (const [name, text] of Object.entries({ 'server.crt': TEST_CERTIFICATE, 'server.key': TEST_KEY })) {
    writeFileSync(join(plain.data, name), text, { mode: 0o600 });
    chownSync(join(plain.data, name), uid, gid);
  }
  await plain.stop();
  server = await startEmbeddedPostgres({ ...options, settings: { ...options.settings, ssl: 'on' } });
  writeFileSync(trusted, TEST_CERTIFICATE);
}, 60_000);
afterAll(async () => {
  await server?.stop('immediate');
  removePlace(dataDir);
  rmSync(folder, { recursive: true, force: true });
});

/** Connects, and says whether the connection is encrypted. */
async function encrypted(query: string): Promise<boolean> {
  const client = postgresClient({ url: `${server.url}${query}` });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows[0].ssl;
  } finally {
    await client.end();
  }
}

// The certificate is for hooks.example.test and signed by itself; the server is at 127.0.0.1.
test.each([
  ['', false],
  ['?sslmode=disable', false],
  ['?sslmode=no-verify', true],
  [`?sslmode=verify-ca&sslrootcert=${trusted}`, true],
])('a connection with "%s" is made', async (query, expected) => {
  expect(await encrypted(query)).toBe(expected);
});

test.each([
  ['?sslmode=require', /self.signed certificate/],
  [`?sslmode=require&sslrootcert=${trusted}`, /altnames/],
  ['?sslmode=verify-full', /self.signed certificate/],
  [`?sslmode=verify-full&sslrootcert=${trusted}`, /altnames/],
  [`?sslrootcert=${trusted}`, /altnames/],
  ['?sslmode=prefer', /sslmode can be/],
  ['?sslmode=allow', /sslmode can be/],
  ['?sslmode=verify-ca', /needs sslrootcert/],
])('a connection with "%s" is refused', async (query, message) => {
  await expect(encrypted(query)).rejects.toThrow(message);
});

test('a server without TLS is refused where TLS is asked for', async () => {
  const client = postgresClient({ url: `${testServers().serverUrl}?sslmode=no-verify` });
  client.on('error', () => undefined);
  await expect(client.connect()).rejects.toThrow('The server does not support SSL connections');
});
