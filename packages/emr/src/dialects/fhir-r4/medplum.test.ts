import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BreakServer } from '../../conformance/break-server.ts';
import { openBreakingProxy } from '../../conformance/breaking-proxy.ts';
import { rulesFor } from '../../conformance/conformance.ts';
import { patientMistakes } from '../../conformance/patient-mistakes.ts';
import { contextOf, foundAs, quiet, runRule, sending } from '../../conformance/rule.ts';
import type { UnderTest } from '../../conformance/under-test.ts';
import { openMedplumServer } from '../../fhir/medplum-server.fixture.ts';
import { practiceResources } from '../../fhir/testing/practice-resources.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';
import { fhirR4 } from './adapter.ts';
import { toPaymentNotice } from './payment-notice.ts';
import { serverUnderTest } from './testing/server-under-test.ts';
import { FIXED, LISTED } from './under-test.fixture.ts';

// Medplum's router and validator are somebody else's reading of R4.

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
          type: 'PaymentNotice',
          interaction: [{ code: 'create' }, { code: 'search-type' }],
          conditionalCreate: true,
          searchParam: [{ name: 'identifier', type: 'token' }],
        },
      ],
    },
  ],
};

// Opened before the tests are collected: the suite's rules are made for its address.
const medplum = await openMedplumServer({ metadata: STATEMENT, validates: true, links: true });
for (const resource of practiceResources) await medplum.put(resource);
afterAll(() => medplum.close());

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
const open = (settings: Record<string, string | number | boolean> = {}) =>
  fhirR4.open(
    {
      userId: 1,
      adapter: 'fhir-r4',
      baseUrl: medplum.baseUrl,
      credentials: {},
      settings,
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );

test.each([
  {},
  { recipient: 'Organization/practice' },
  { request_target: 'none' },
  { method_extension_value: 'codeable-concept' },
  { location_extension_url: 'https://emr.example/location' },
])('its validator takes a payment with the settings %j, and its router finds it', async (settings) => {
  const posting = { ...payment(), location: { id: 'loc-main', name: 'Main' } };
  const adapter = open(settings);
  expect(await adapter.find?.({ ...posting, sentAt: null, leftBy: null }, quiet())).toEqual({
    outcome: 'absent',
  });
  const posted = await adapter.post(posting, sending());
  if (posted.outcome !== 'posted') throw new Error(JSON.stringify(posted));
  expect(await adapter.post(posting, sending())).toEqual(posted);
  expect(await adapter.find?.({ ...posting, sentAt: null, leftBy: null }, quiet())).toEqual(
    foundAs(String(posted.emrTransactionId), '350.10'),
  );
});

test('its validator refuses what R4 does not have, so the tests above are no formality', async () => {
  const form = {
    identifierSystem: 's:1',
    referenceSystem: 's:2',
    recipient: null,
    requestsPatient: true,
    methodUrl: 'u:1',
    methodAsConcept: false,
    locationUrl: null,
  };
  const good = toPaymentNotice(payment(), { form, now: new Date() });
  const { recipient: _, ...unsent } = good;
  const statusOf = async (body: object) => {
    const headers = { 'content-type': 'application/fhir+json' };
    const url = `${medplum.baseUrl}/PaymentNotice`;
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status;
  };
  expect(await statusOf(good)).toBe(201);
  expect(await statusOf(unsent)).toBe(400);
  expect(await statusOf({ ...good, payment: {} })).toBe(400);
  expect(await statusOf({ ...good, method: { text: 'cash' } })).toBe(400);
});

describe.each([LISTED, FIXED])('the suite on Medplum, with the settings %j', (settings) => {
  const emr: UnderTest = {
    ...serverUnderTest({ baseUrl: medplum.baseUrl, token: '' }, { settings, refusals: [] }),
    // It answers with the resource, whatever we prefer.
    renamed: (answer, id) => ({ ...answer, body: JSON.stringify({ ...JSON.parse(answer.body), id }) }),
  };
  let server: BreakServer;
  beforeAll(async () => {
    server = await openBreakingProxy(medplum.baseUrl);
  });
  afterAll(() => server.close());

  // Its router has no access tokens.
  const rules = rulesFor(emr).filter(({ name }) => !/^credentials: (rejected|no answer holds)/.test(name));
  test.each(rules)('$name', (rule) => runRule(rule, contextOf(emr, server)));
  if (settings === LISTED) patientMistakes(emr);
});
