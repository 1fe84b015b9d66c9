import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@emr-payments/client';
import { type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from './service/cli.ts';

// NexHealth accepts a payment and posts it later. Its webhook to the user's notice address brings the look-up forward.

let folder: string;
let database: TestDatabase;
let stack: Stack;
let sql: Client;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-notices-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
  sql = new Client({ connectionString: database.url });
  await sql.connect();
});
afterAll(async () => {
  await sql?.end();
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

const PATIENCE = { timeout: 30_000, interval: 50 };
const put = async (path: string, body: object) => {
  const answer = await fetch(`${stack.emrUrl}/sandbox${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.text()).toBe(200);
};

test('a submitted payment is posted as soon as NexHealth says that it has inserted it', async () => {
  const user = stack.demo.users.find(({ adapter }) => adapter === 'nexhealth');
  const { rows: owners } = await sql.query<{ public_id: string }>(
    "SELECT u.public_id FROM users u JOIN connections c ON c.user_id = u.id WHERE c.adapter = 'nexhealth'",
  );
  const publicId = owners[0]?.public_id ?? '';
  const given = await runCommand(stack, ['user', 'notice-address', '--user', publicId, '--json']);
  const { notice_address: path } = JSON.parse(given.stdout) as { notice_address: string };
  await put('/nexhealth/webhook', { url: `${stack.apiUrl}${path}` });
  // The EMR is slow: without its notice, the next look-up would come in an hour (below).
  await put('/pace', { later_ms: 4000 });

  const { client_id: clientId, client_secret: clientSecret } = stack.demo;
  const accessToken = user?.access_token ?? '';
  const client = createClient({ baseUrl: stack.apiUrl, clientId, clientSecret, accessToken });
  const { payment_id: id } = await client.payments.create({
    patient_mrn: 'MRN-12345',
    payment_method: 'Card',
    reference_number: '#9',
    location: '1404',
    amount: 12.25,
  });
  const statusOf = async () => (await client.payments.get(id)).status;
  await vi.waitFor(async () => expect(await statusOf()).toBe('submitted'), PATIENCE);
  const moved = await sql.query(
    "UPDATE jobs SET run_at = now() + interval '1 hour' WHERE kind = 'post_payment' AND queued_at IS NULL",
  );
  expect(moved.rowCount).toBe(1);
  await vi.waitFor(async () => expect(await statusOf()).toBe('posted'), PATIENCE);
}, 90_000);
