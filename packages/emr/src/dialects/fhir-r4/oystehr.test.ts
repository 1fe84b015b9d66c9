import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import Oystehr from '@oystehr/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { foundAs, quiet, sending } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';
import { fhirR4 } from './adapter.ts';
import { toPaymentNotice } from './payment-notice.ts';

// Oystehr's own client, which Ottehr uses, reads what we post and posts what we find.

type Notice = ReturnType<typeof toPaymentNotice> & { id?: string };
type Client = {
  fhir: {
    get(of: { resourceType: 'PaymentNotice'; id: string }): Promise<Notice>;
    create(notice: Notice): Promise<Notice>;
  };
};
// The package's types lead to files without an extension, which this compiler does not follow.
const OystehrClient = Oystehr as unknown as new (config: object) => Client;

let folder: string;
let sandbox: SandboxProcess;
let oystehr: Client;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oystehr-'));
  sandbox = await startSandbox({
    ledgerFile: join(folder, 'ledger.jsonl'),
    env: { SANDBOX_TOKEN: 'sesame' },
  });
  oystehr = new OystehrClient({
    accessToken: 'sesame',
    services: { fhirApiUrl: `${sandbox.baseUrl}/fhir/r4` },
    retry: { retries: 0 },
  });
});
afterAll(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true });
});

const payment = (): Posting => ({
  paymentId: randomBytes(16).toString('hex'),
  emrPatientId: 'pat-1001',
  amount: '350.10',
  referenceNumber: '#1',
  notes: 'Copay',
  depositDate: '2026-06-15',
  method: { id: 'cash', name: 'cash' },
  location: { id: '', name: '1404' },
});
const open = () =>
  fhirR4.open(
    {
      userId: 1,
      adapter: 'fhir-r4',
      baseUrl: `${sandbox.baseUrl}/fhir/r4`,
      credentials: { bearer_token: 'sesame' },
      settings: {},
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );

test('it reads what we post, with every field where Ottehr reads it', async () => {
  const posting = payment();
  const posted = await open().post(posting, sending());
  if (posted.outcome !== 'posted') throw new Error(JSON.stringify(posted));
  const notice = await oystehr.fhir.get({
    resourceType: 'PaymentNotice',
    id: String(posted.emrTransactionId),
  });
  expect(notice).toMatchObject({
    amount: { value: 350.1, currency: 'USD' },
    paymentDate: '2026-06-15',
    request: { reference: 'Patient/pat-1001' },
    extension: [{ url: 'https://extensions.fhir.zapehr.com/payment-method', valueString: 'cash' }],
    contained: [{ id: 'contained-reconciliation', disposition: 'Copay', paymentIdentifier: { value: '#1' } }],
  });
});

test('we find what it posts, and do not post it a second time', async () => {
  const posting = payment();
  const form = {
    identifierSystem: 'urn:emr-payments:payment-id',
    referenceSystem: 's:1',
    recipient: 'Organization/practice',
    requestsPatient: true,
    methodUrl: 'https://extensions.fhir.zapehr.com/payment-method',
    methodAsConcept: false,
    locationUrl: null,
  };
  const notice = toPaymentNotice(posting, { form, now: new Date() });
  const { id = '' } = await oystehr.fhir.create(notice);
  expect(await open().find?.({ ...posting, sentAt: null, leftBy: null }, quiet())).toEqual(
    foundAs(id, '350.10'),
  );
  const again = open().post(posting, sending());
  expect(await again).toEqual({ outcome: 'posted', emrTransactionId: id });
});
