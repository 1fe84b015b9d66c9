import type { Client } from '@emr-payments/client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openService, type Service, type ServicePractice } from './service/open-service.ts';

// A location that the practice adds in its EMR at noon, on real processes: payments can name it at once, and everybody who reads the lists
// sees it, also after it was renamed and removed.

const PATIENCE = { timeout: 60_000, interval: 50 };

let service: Service;
let practice: ServicePractice;
let client: Client;
beforeAll(async () => {
  service = await openService({ name: 'noon', workers: 2 });
  practice = await service.addPractice({
    ...{ capability: 'lookup', mrn: 'MRN-12345', emrPatientId: 'pat-1001' },
  });
  client = practice.client;
}, 180_000);
afterAll(() => service?.close());

/** Does something with a location, as a person at the practice does. */
async function change(method: string, path: string, body?: object): Promise<void> {
  const answer = await fetch(`${service.stack.emrUrl}/sandbox/locations${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  expect(answer.ok, await answer.text()).toBe(true);
}

const names = async () => (await client.connection.locations()).locations.map(({ name }) => name);

/** Syncs, and waits for its end. */
async function sync(): Promise<void> {
  const { job_id } = await client.connection.sync();
  await vi.waitFor(async () => expect((await client.jobs.get(job_id)).status).toBe('done'), PATIENCE);
}

async function pay(location: string): Promise<string> {
  const { payment_id } = await client.payments.create({
    ...{ patient_mrn: practice.mrn, payment_method: 'Card', reference_number: '#1', location, amount: 20 },
  });
  return payment_id;
}

const ended = (id: string) =>
  vi.waitFor(async () => {
    const payment = await client.payments.get(id);
    expect(['posted', 'failed']).toContain(payment.status);
    return payment;
  }, PATIENCE);

test('a location that was added a moment ago takes payments, and is listed with the first of them', async () => {
  // The first sync comes by itself.
  await vi.waitFor(async () => expect(await names()).not.toEqual([]), PATIENCE);
  await change('POST', '', { id: 'loc-noon', name: 'Noon Clinic', identifiers: ['1207'] });
  expect(await ended(await pay('Noon Clinic'))).toMatchObject({ status: 'posted' });
  await vi.waitFor(async () => expect(await names()).toContain('Noon Clinic'), PATIENCE);
  expect((await client.connection.get()).locations.map(({ name }) => name)).toContain('Noon Clinic');
}, 120_000);

test('a sync reads what the EMR lists now, and not what it listed a moment ago', async () => {
  await sync();
  await change('PUT', '/loc-noon', { name: 'Midday Clinic' });
  await sync();
  expect(await names()).toContain('Midday Clinic');
  expect(await names()).not.toContain('Noon Clinic');
  await change('DELETE', '/loc-noon');
  await sync();
  expect(await names()).not.toContain('Midday Clinic');
}, 120_000);
