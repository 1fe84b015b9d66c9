import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quiet } from '../../conformance/rule.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { fhirR5 } from './adapter.ts';

let folder: string;
let sandbox: SandboxProcess;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emr-check-'));
  sandbox = await startSandbox({
    ledgerFile: join(folder, 'ledger.jsonl'),
    env: { SANDBOX_TOKEN: 'sesame' },
  });
});
afterAll(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true });
});

function check({ token = 'sesame', baseUrl = sandbox.fhirUrl, settings = {} }) {
  const adapter = fhirR5.open(
    {
      userId: 1,
      adapter: 'fhir-r5',
      baseUrl,
      credentials: { bearer_token: token },
      settings,
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
  return adapter.check(quiet());
}

test('a good connection gives the length of its lists and what the EMR says about itself, and writes nothing', async () => {
  expect(await check({})).toEqual({
    ok: true,
    methods: expect.any(Number),
    locations: expect.any(Number),
    unusable: [],
    settings: { conditional_create: true, search: true },
    statement: {
      fhir_version: '5.0.0',
      software: 'emr-sandbox',
      says_conditional_create: 'yes',
      says_search: 'yes',
    },
    remarks: [],
  });
  const ledger = await fetch(`${sandbox.baseUrl}/sandbox/ledger`, {
    headers: { authorization: 'Bearer sesame' },
  });
  expect(await ledger.json()).toMatchObject({ entries: [] });
});

test('a system of numbers that no patient has is a remark, with those that they have', async () => {
  const checked = await check({ settings: { patient_identifier_system: 'urn:example:other-practice' } });
  expect(checked).toMatchObject({
    ok: true,
    remarks: [
      expect.stringMatching(
        /^None of \d+ patients of the EMR has a number of urn:example:other-practice, .* They have numbers of .*urn:emr-payments:mrn/,
      ),
    ],
  });
});

test("a connection that does not work gives the request and the EMR's own words", async () => {
  expect(await check({ token: 'wrong' })).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason:
      'GET /ValueSet/$expand?url=urn:emr-payments:payment-methods answered HTTP 401: A valid bearer token is needed. ' +
      'The EMR rejected our credentials (HTTP 401).',
  });
  expect(await check({ baseUrl: 'http://127.0.0.1:1/fhir' })).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: 'GET /metadata failed: The EMR refused the connection. (ECONNREFUSED)',
  });
  expect(await check({ baseUrl: `${sandbox.baseUrl}/nothing` })).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(
      /^GET \/metadata answered HTTP 404: .* Is this the base URL of a FHIR server\?/,
    ),
  });
  const settings = { payment_method_value_set: 'urn:nothing:here' };
  expect(await check({ settings })).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason: expect.stringMatching(
      /^GET \/ValueSet\?url=urn:nothing:here .*The EMR has no ValueSet urn:nothing:here/,
    ),
  });
});

const capabilities = (change: object) =>
  fetch(`${sandbox.baseUrl}/sandbox/capabilities`, {
    method: 'PUT',
    headers: { authorization: 'Bearer sesame', 'content-type': 'application/json' },
    body: JSON.stringify({ conditional_create: true, search: true, books_closed_before: null, ...change }),
  });

test('the sandbox says the truth about its switches, and settings that nobody gave follow it', async () => {
  expect((await capabilities({ search: false })).ok).toBe(true);
  expect(await check({})).toMatchObject({
    ok: true,
    settings: { conditional_create: true, search: false },
    remarks: [
      'GET /metadata says that PaymentReconciliation has no search by identifier: search is taken as false.',
    ],
  });
  expect(await check({ settings: { search: false } })).toMatchObject({
    settings: { conditional_create: true },
    remarks: [],
  });
  expect(await check({ settings: { search: true } })).toEqual({
    ok: false,
    trouble: { code: expect.any(String), detail: expect.any(String) },
    reason:
      'GET /metadata says that PaymentReconciliation has no search by identifier, and the setting search: true says that it ' +
      'has. Leave the setting out, or give false.',
  });
  await capabilities({ search: false, conditional_create: false });
  expect(await check({})).toMatchObject({
    settings: { conditional_create: false, search: false },
    remarks: { 2: expect.stringMatching(/^A payment whose answer is lost needs a person/) },
  });
  await capabilities({});
});
