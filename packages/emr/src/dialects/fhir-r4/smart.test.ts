import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Posting } from '../../adapter.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import { fhirR4 } from './adapter.ts';

// The credentials that FHIR servers take, at a server that gives and checks tokens of its own.

let folder: string;
let sandbox: SandboxProcess;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fhir-r4-smart-'));
  sandbox = await startSandbox({
    ledgerFile: join(folder, 'ledger.jsonl'),
    env: { SANDBOX_TOKEN: 'sesame' },
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
  notes: null,
  depositDate: '2026-06-15',
  method: { id: 'card', name: 'card' },
  location: { id: '', name: '1404' },
});
const open = (credentials: Record<string, string>) =>
  fhirR4.open(
    {
      userId: 1,
      adapter: 'fhir-r4',
      baseUrl: `${sandbox.baseUrl}/fhir/r4`,
      credentials,
      settings: {},
      timeZone: 'America/New_York',
    },
    localAdapterDeps(),
  );
const post = (credentials: Record<string, string>) =>
  open(credentials).post(payment(), { signal: AbortSignal.timeout(10_000), mayStillSend: () => true });
const tokenUrl = () => `${sandbox.baseUrl}/fhir/r4/oauth/token`;

test('with a client secret', async () => {
  const client = { token_url: tokenUrl(), client_id: 'us', scope: 'system/*.crus' };
  expect(await post({ ...client, client_secret: 'sesame' })).toMatchObject({ outcome: 'posted' });
  expect(await post({ ...client, client_secret: 'wrong' })).toMatchObject({ outcome: 'not_sent' });
});

test.each([
  ['RS384', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
])('with a key of ours, as SMART backend services do (%s)', async (alg, { privateKey, publicKey }) => {
  const registered = await fetch(`${sandbox.baseUrl}/fhir/r4/oauth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer sesame' },
    body: JSON.stringify({ jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg }] } }),
  });
  expect(registered.status, await registered.clone().text()).toBe(201);
  const { client_id } = (await registered.json()) as { client_id: string };
  const private_key_jwk = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'k1', alg });
  const credentials = { token_url: tokenUrl(), client_id, private_key_jwk, scope: 'system/*.crus' };
  expect(await post(credentials)).toMatchObject({ outcome: 'posted' });
  expect(await open(credentials).check({ signal: AbortSignal.timeout(10_000) })).toMatchObject({ ok: true });
});
