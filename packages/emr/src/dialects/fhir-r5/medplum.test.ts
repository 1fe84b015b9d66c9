import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EmrConnection } from '../../adapter.ts';
import { foundAs, quiet, sending } from '../../conformance/rule.ts';
import { readLists } from '../../fhir/lists.ts';
import { type MedplumServer, openMedplumServer } from '../../fhir/medplum-server.fixture.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';
import { fhirR5 } from './adapter.ts';
import { readFhirConnection } from './settings.ts';

// Medplum is R4, so no payment may be posted to it. Opened past the check, it shows what we make of a stranger's answers.

/** As Medplum's server describes itself, as far as we read it. */
const STATEMENT = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  kind: 'instance',
  software: { name: 'medplum' },
  fhirVersion: '4.0.1',
  rest: [
    {
      mode: 'server',
      resource: [
        {
          type: 'PaymentReconciliation',
          interaction: [{ code: 'create' }, { code: 'search-type' }],
          conditionalCreate: true,
          searchParam: [{ name: 'identifier', type: 'token' }],
        },
      ],
    },
  ],
};

let medplum: MedplumServer;
beforeAll(async () => {
  medplum = await openMedplumServer({ metadata: STATEMENT });
});
afterAll(() => medplum.close());

const connectionTo = (baseUrl: string, settings: Record<string, unknown> = {}): EmrConnection => ({
  userId: 1,
  adapter: 'fhir-r5',
  baseUrl,
  credentials: {},
  settings,
  timeZone: 'UTC',
});
const open = (baseUrl = medplum.baseUrl, settings = {}) =>
  fhirR5.open(connectionTo(baseUrl, settings), localAdapterDeps());
const payment = (): Posting => ({
  paymentId: randomBytes(16).toString('hex'),
  emrPatientId: 'pat-1',
  amount: '350.10',
  referenceNumber: '#1',
  notes: 'Copay',
  depositDate: '2026-06-15',
  method: { id: 's:1|C', name: 'Card' },
  location: { id: 'a', name: 'Main' },
});
const post = (posting: Posting, settings = {}) => open(undefined, settings).post(posting, sending());
const find = (posting: Posting) => open().find?.({ ...posting, sentAt: null, leftBy: null }, quiet());

test('the check refuses a server of R4, with the version and what to do', async () => {
  expect(await open().check(quiet())).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason:
      'GET /metadata says fhirVersion 4.0.1, and the adapter fhir-r5 needs 5.x (R5). Give the base URL of an R5 endpoint of this server.',
  });
});

test('the router without the statement answers /metadata as a search, and is refused', async () => {
  const bare = await openMedplumServer({ metadata: null });
  const checked = await open(bare.baseUrl).check(quiet());
  bare.close();
  expect(checked).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(/^GET \/metadata answered HTTP 200: .*is not the CapabilityStatement/),
  });
});

test('its conditional create, Location header and search are understood', async () => {
  const posting = payment();
  expect(await find(posting)).toEqual({ outcome: 'absent' });
  const posted = await post(posting);
  if (posted.outcome !== 'posted') throw new Error(JSON.stringify(posted));
  expect(await post(posting)).toEqual(posted);
  expect(await find(posting)).toEqual(foundAs(String(posted.emrTransactionId), posting.amount));
  expect(await post({ ...posting, amount: '1.00' })).toMatchObject({
    outcome: 'differs',
    difference: 'another amount',
  });
  await post(posting, { conditional_create: false });
  expect(await post(posting)).toMatchObject({ outcome: 'unknown', code: 'several_matches' });
});

test('Locations that it counts and gives no link to are named', async () => {
  for (let number = 0; number < 201; number += 1)
    await medplum.repository.createResource({ resourceType: 'Location', name: `Place ${number}` });
  // It has no $expand, and a ValueSet only where one was made.
  expect(await open().list(quiet())).toMatchObject({
    outcome: 'not_sent',
    code: 'list_not_found',
  });
  await medplum.repository.createResource({
    resourceType: 'ValueSet',
    status: 'active',
    url: 'urn:emr-payments:payment-methods',
    compose: { include: [{ system: 's:1', concept: [{ code: 'C', display: 'Card' }] }] },
  });
  const read = await readLists(readFhirConnection(connectionTo(medplum.baseUrl), localAdapterDeps()), {
    ...quiet(),
  });
  expect(read).toMatchObject({
    ok: true,
    lists: { methods: [{ id: 's:1|C', name: 'Card' }] },
    unusable: ['Locations: 1 that the EMR counts and does not give'],
  });
});
