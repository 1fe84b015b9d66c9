import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
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
  const adapter = fhirR5.open({
    userId: 1,
    adapter: 'fhir-r5',
    baseUrl,
    credentials: { bearer_token: token },
    settings,
    timeZone: 'America/New_York',
  });
  return adapter.check({ signal: AbortSignal.timeout(5000) });
}

test('a good connection gives the length of its lists, and writes nothing', async () => {
  expect(await check({})).toEqual({
    ok: true,
    methods: expect.any(Number),
    locations: expect.any(Number),
    unusable: [],
  });
  const ledger = await fetch(`${sandbox.baseUrl}/sandbox/ledger`, {
    headers: { authorization: 'Bearer sesame' },
  });
  expect(await ledger.json()).toMatchObject({ entries: [] });
});

test('a connection that does not work gives a reason in one sentence', async () => {
  expect(await check({ token: 'wrong' })).toEqual({
    ok: false,
    reason: 'The EMR rejected our credentials (HTTP 401).',
  });
  expect(await check({ baseUrl: 'http://127.0.0.1:1/fhir' })).toEqual({
    ok: false,
    reason: 'The EMR refused the connection. (ECONNREFUSED)',
  });
  const settings = { payment_method_value_set: 'urn:nothing:here' };
  expect(await check({ settings })).toMatchObject({ ok: false });
});

test('an EMR that cannot search for payments fails the check, unless the settings say so', async () => {
  const capabilities = (search: boolean) =>
    fetch(`${sandbox.baseUrl}/sandbox/capabilities`, {
      method: 'PUT',
      headers: { authorization: 'Bearer sesame', 'content-type': 'application/json' },
      body: JSON.stringify({ conditional_create: true, search, books_closed_before: null }),
    });
  expect((await capabilities(false)).ok).toBe(true);
  expect(await check({})).toMatchObject({
    ok: false,
    reason: expect.stringMatching(/^Payments cannot be searched for: /),
  });
  expect(await check({ settings: { search: false } })).toMatchObject({ ok: true });
});
