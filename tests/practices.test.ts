import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@emr-payments/client';
import { adapterNames } from '@emr-payments/emr';
import { type Stack, startStack } from '@emr-payments/stack';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

// The local stack has a practice of every adapter. A payment for each goes the whole way: API, worker, dialect of the sandbox,
// webhook in the inbox.

let folder: string;
let database: TestDatabase;
let stack: Stack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'emr-payments-practices-'));
  database = await openTestDatabase();
  stack = await startStack({ folder, databaseUrl: database.url, appUrl: database.appUrl });
});
afterAll(async () => {
  await stack?.stop();
  await database?.drop();
  rmSync(folder, { recursive: true, force: true });
});

type Message = { body: string; verified: boolean };
type Entry = { dialect: string; amount: number; patient_mrn: string | null };

async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}

const PATIENCE = { timeout: 60_000, interval: 100 };

test('there is a practice of every adapter', () => {
  expect(stack.demo.users.map(({ adapter }) => adapter)).toEqual(adapterNames);
});

/** `athena-ppv` and `athena-record` are two adapters of one dialect of the sandbox. */
const dialectOf = (adapter: string) => adapter.replace(/^athena-.*/, 'athena');

test.each(adapterNames.map((adapter, place) => ({ adapter, amount: 100 + place + 0.25 })))(
  '$adapter: a payment is in the EMR once, and its webhook arrives',
  async ({ adapter, amount }) => {
    const user = stack.demo.users.find((each) => each.adapter === adapter);
    if (user === undefined) throw new Error(`no user of ${adapter}`);
    const { client_id: clientId, client_secret: clientSecret } = stack.demo;
    const client = createClient({
      baseUrl: stack.apiUrl,
      clientId,
      clientSecret,
      accessToken: user.access_token,
    });
    const accepted = await client.payments.create({
      patient_mrn: user.patient_mrn,
      payment_method: user.payment_method,
      reference_number: '#77',
      location: user.location,
      amount,
      notes: 'Copay',
    });
    const event = await vi.waitFor(async () => {
      const messages = await getJson<Message[]>(`${stack.inboxUrl}/messages`);
      const mine = messages.find(({ body }) => body.includes(accepted.payment_id));
      if (mine === undefined) throw new Error('no webhook yet');
      expect(mine.verified).toBe(true);
      return JSON.parse(mine.body) as { type: string; data: object };
    }, PATIENCE);
    expect(event).toMatchObject({ type: 'payment.created', data: { amount } });
    const { entries } = await getJson<{ entries: Entry[] }>(`${stack.emrUrl}/sandbox/ledger`);
    const mine = entries.filter(
      (entry) => entry.dialect === dialectOf(adapter) && Math.abs(entry.amount) === amount,
    );
    expect(mine).toEqual([expect.objectContaining({ amount, patient_mrn: user.patient_mrn })]);
  },
  90_000,
);
