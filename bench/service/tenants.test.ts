import { randomBytes } from 'node:crypto';
import { openDatabase, startDueSyncs } from '@emr-payments/db';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTenants } from './tenants.ts';

let server: TestDatabase;

beforeAll(async () => {
  server = await openTestDatabase();
});
afterAll(() => server.drop());

test('no sync is started of a tenant, whose EMR may hang or be gone', async () => {
  const tenants = await createTenants(
    { databaseUrl: server.url, encryptionKeys: `k1:${randomBytes(32).toString('base64')}` },
    {
      count: 2,
      fhirUrl: () => 'http://127.0.0.1:1/hang',
      webhookUrl: () => 'http://127.0.0.1:1/webhooks',
      webhookSecret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      postingCap: 1,
      deliveryCap: 1,
      patients: 1,
    },
  );
  expect(tenants).toHaveLength(2);
  const database = openDatabase({ url: server.url, poolSize: 1, applicationName: 'tenants' });
  try {
    expect(await startDueSyncs({ database }, { limit: 20, mostLive: 20 })).toBe(0);
  } finally {
    await database.close();
  }
});
