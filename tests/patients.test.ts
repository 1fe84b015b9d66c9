import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@emr-payments/client';
import { type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCommand } from './service/cli.ts';

// An office of Open Dental whose MRNs are chart numbers. A new patient comes to the front desk: a payment with that MRN is accepted and
// posted to the patient's PatNum, although nobody has imported anything.

let folder: string;
let database: TestDatabase;
let stack: Stack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-patients-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
});
afterAll(async () => {
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

type Entry = { dialect: string; amount: number; patient_id: string; emr_transaction_id: string };

async function ask<T>(args: readonly string[], input?: string): Promise<T> {
  const ended = await runCommand(stack, [...args, '--json'], input);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(ended.stdout) as T;
}

test('a payment for a new patient is posted to the one whom the EMR has, and nobody had to do anything', async () => {
  const { client_id: clientId, client_secret: clientSecret } = stack.demo;
  const connected = await ask<{ user_id: string; access_token: string }>(
    [
      ...['user', 'connect', '--client', clientId, '--name', 'Dentist', '--time-zone', 'America/New_York'],
      ...['--adapter', 'open-dental', '--base-url', `${stack.emrUrl}/open-dental/api/v1`],
      // The vendor's limit of one call a second is tested elsewhere.
      ...['--setting', 'mrn_field=ChartNumber', '--setting', 'calls_per_minute=0', '--credentials', '-'],
    ],
    '{"developer_key": "developer", "customer_key": "chart-numbers"}',
  );
  const { access_token: accessToken } = connected;
  const client = createClient({ baseUrl: stack.apiUrl, clientId, clientSecret, accessToken });
  const pay = (patient_mrn: string) =>
    client.payments.create({
      ...{ patient_mrn, payment_method: 'Check', reference_number: '#2058' },
      ...{ location: 'Riverside Clinic', amount: 48.75 },
    });
  await expect(pay('C-0047')).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining("'C-0047' not found"),
  });
  const changed = await fetch(`${stack.emrUrl}/sandbox/open-dental/patients/3`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ChartNumber: 'C-0048' }),
  });
  expect(changed.status).toBe(200);

  const { payment_id: id } = await pay('C-0048');
  expect(await client.patients.find('C-0048')).toMatchObject({ emr_patient_id: '3', source: 'lookup' });
  const found = await ask<{ emr_patient_id: string; stored: string }>([
    ...['patients', 'find', '--user', connected.user_id, '--mrn', 'C-0048'],
  ]);
  expect(found).toMatchObject({ emr_patient_id: '3', stored: 'unchanged' });
  const posted = await vi.waitFor(
    async () => {
      const payment = await client.payments.get(id);
      expect(payment.status).toBe('posted');
      return payment;
    },
    { timeout: 30_000, interval: 50 },
  );
  const answer = await fetch(`${stack.emrUrl}/sandbox/ledger`);
  const { entries } = (await answer.json()) as { entries: Entry[] };
  expect(entries.filter(({ amount }) => amount === 48.75)).toEqual([
    expect.objectContaining({
      ...{ dialect: 'open-dental', patient_id: 'pat-1003', emr_transaction_id: posted.emr_transaction_id },
    }),
  ]);
}, 60_000);
