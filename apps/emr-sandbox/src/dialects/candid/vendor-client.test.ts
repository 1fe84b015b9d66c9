import type { AddressInfo } from 'node:net';
import { CandidApi, CandidApiClient } from 'candidhealth';
import { expect, test } from 'vitest';
import { sandboxForTest } from '../../testing/sandbox.ts';
import { candid } from './dialect.ts';

/** The vendor's own client, which decodes strictly: what it reads here, it reads of the vendor. */
async function vendorClient(clientSecret = 's3cret') {
  const { app } = await sandboxForTest({ dialects: [candid], token: 's3cret' });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/candid`;
  const client = new CandidApiClient({
    environment: { candidApi: url, preEncounter: url },
    clientId: 'app-1',
    clientSecret,
    maxRetries: 0,
  });
  return client.patientPayments.v4;
}

const create = (patient = 'pat-1001') => ({
  amountCents: 35_010,
  patientExternalId: CandidApi.PatientExternalId(patient),
  allocations: [{ amountCents: 35_010, target: { type: 'unattributed' as const } }],
  paymentTimestamp: new Date('2026-06-15T12:00:00Z'),
  paymentNote: 'Copay',
  paymentMethodDetail: { paymentMethod: { type: 'card' as const } },
  sourceInternalId: '123e4567e89b12d3a456426614174001',
});

test("the vendor's client creates, lists, reads, changes and voids", async () => {
  const payments = await vendorClient();
  const created = await payments.create(create());
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  expect(created.body).toMatchObject({
    amountCents: 35_010,
    patientExternalId: 'pat-1001',
    paymentTimestamp: new Date('2026-06-15T12:00:00Z'),
    paymentSource: 'MANUAL_ENTRY',
    sourceInternalId: '123e4567e89b12d3a456426614174001',
    paymentMethodDetail: { paymentMethod: { type: 'card' } },
    allocations: [{ amountCents: 35_010, target: { type: 'unattributed' } }],
  });
  const listed = await payments.getMulti({ sourceInternalId: created.body.sourceInternalId ?? '', limit: 2 });
  expect(listed).toMatchObject({
    ok: true,
    body: { items: [{ patientPaymentId: created.body.patientPaymentId }] },
  });
  expect(await payments.get(created.body.patientPaymentId)).toMatchObject({ ok: true, body: created.body });
  const updated = await payments.update(created.body.patientPaymentId, {
    paymentNote: { type: 'set', value: 'New' },
  });
  expect(updated).toMatchObject({ ok: true, body: { paymentNote: 'New' } });
  expect(await payments.delete(created.body.patientPaymentId)).toMatchObject({ ok: true });
});

test("the vendor's client knows our errors by name", async () => {
  const payments = await vendorClient();
  expect(await payments.create(create('pat-9'))).toMatchObject({
    ok: false,
    error: { errorName: 'EntityNotFoundError', content: { id: 'pat-9' } },
  });
  expect(await payments.create({ ...create(), amountCents: 1 })).toMatchObject({
    ok: false,
    error: { errorName: 'UnprocessableEntityError', content: { message: expect.any(String) } },
  });
});

test("the vendor's client gets no token with a wrong secret", async () => {
  const payments = await vendorClient('guess');
  await expect(payments.getMulti()).rejects.toThrow();
});
