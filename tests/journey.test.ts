import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@emr-payments/client';
import { PUBLISHED_BODY, type Stack, startStack } from '@emr-payments/stack';
import {
  openTestDatabase,
  type RedisServer,
  redisForTests,
  startRedis,
  type TestDatabase,
} from '@emr-payments/testkit';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

type Message = { id: string; headers: Record<string, string>; body: string; verified: boolean };
type Bundle = { total: number; entry?: { resource: Record<string, unknown> }[] };

const PATIENCE = { timeout: 30_000, interval: 50 };

async function getJson<T>(url: string): Promise<T> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
}

/** A client with the credentials of the demo's integrator. */
function clientOf({ apiUrl, demo }: Stack): Client {
  const { client_id: clientId, client_secret: clientSecret, access_token: accessToken } = demo;
  return createClient({ baseUrl: apiUrl, clientId, clientSecret, accessToken });
}

const backends = [
  { backend: 'PostgreSQL', withRedis: false },
  { backend: 'Redis', withRedis: true },
].filter(({ withRedis }) => !withRedis || redisForTests() !== null);

describe.each(backends)('a payment, with the queue on $backend', ({ withRedis }) => {
  let folder: string;
  let database: TestDatabase;
  let redis: RedisServer | undefined;
  let stack: Stack;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'emr-payments-journey-'));
    database = await openTestDatabase();
    redis = withRedis ? await startRedis() : undefined;
    stack = await startStack({
      folder,
      databaseUrl: database.url,
      appUrl: database.appUrl,
      redisUrl: redis?.url,
    });
  });

  afterAll(async () => {
    await stack?.stop();
    await redis?.stop();
    await database?.drop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is posted to the EMR and reported by a signed webhook', async () => {
    const client = clientOf(stack);
    const accepted = await client.payments.create(PUBLISHED_BODY);
    expect(accepted).toEqual({
      success: true,
      message: 'Payment processing. A webhook event will be sent upon completion.',
      payment_id: expect.stringMatching(/^[0-9a-f]{32}$/),
      job_id: expect.any(Number),
    });

    const message = await vi.waitFor(async () => {
      const [newest] = await getJson<Message[]>(`${stack.inboxUrl}/messages`);
      if (newest === undefined) throw new Error('no webhook has arrived');
      return newest;
    }, PATIENCE);

    const ledger = await getJson<Bundle>(
      `${stack.fhirUrl}/PaymentReconciliation?identifier=${accepted.payment_id}`,
    );
    const [posting] = ledger.entry ?? [];
    expect(ledger.total).toBe(1);
    expect(posting?.resource).toMatchObject({
      resourceType: 'PaymentReconciliation',
      amount: { value: PUBLISHED_BODY.amount },
      date: PUBLISHED_BODY.deposit_date,
      referenceNumber: PUBLISHED_BODY.reference_number,
    });

    // Verifies with the library that a receiver would use; it throws on a wrong signature.
    const event = new Webhook(stack.webhookSecret).verify(message.body, message.headers);
    expect(message.verified).toBe(true);
    expect(await client.payments.get(accepted.payment_id)).toMatchObject({
      status: 'posted',
      emr_transaction_id: posting?.resource.id,
      events: [{ id: message.headers['webhook-id'], type: 'payment.created' }],
    });
    expect(event).toEqual({
      id: message.headers['webhook-id'],
      access_token_reference_id: expect.stringMatching(/^user_/),
      object: 'event',
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      type: 'payment.created',
      job_id: String(accepted.job_id),
      data: {
        payment_id: accepted.payment_id,
        emr_transaction_id: posting?.resource.id,
        payment_method: PUBLISHED_BODY.payment_method,
        amount: PUBLISHED_BODY.amount,
        reference_number: PUBLISHED_BODY.reference_number,
        patient_mrn: PUBLISHED_BODY.patient_mrn,
        sequence: 1,
      },
    });
    const other = new Webhook(`whsec_${Buffer.alloc(32).toString('base64')}`);
    expect(() => other.verify(message.body, message.headers)).toThrow();
  });

  test('waits while no worker runs, and every process stops with exit code 0', async () => {
    const [worker] = stack.workers;
    await worker?.stop();
    const { payment_id } = await clientOf(stack).payments.create(PUBLISHED_BODY);
    await worker?.start();
    const identifier = `${stack.fhirUrl}/PaymentReconciliation?identifier=${payment_id}`;
    await vi.waitFor(async () => expect((await getJson<Bundle>(identifier)).total).toBe(1), PATIENCE);

    for (const process of stack.processes()) {
      expect(await process.stop(), process.name).toEqual({ code: 0, signal: null });
    }
  });
});
