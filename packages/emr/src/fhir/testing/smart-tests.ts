import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quiet, sending } from '../../conformance/rule.ts';
import type { Dialect } from '../../dialect.ts';
import { localAdapterDeps } from '../../local-deps.ts';
import type { Posting } from '../../posting.ts';

type Names = Pick<Posting, 'method' | 'location'>;

/**
 * Registers the tests of the credentials that FHIR servers take, at a server that gives and checks tokens of its own.
 *
 * @param names a method and a location as the dialect resolves them.
 */
export function smartTests({ dialect, path, names }: { dialect: Dialect; path: string; names: Names }): void {
  let folder: string;
  let sandbox: SandboxProcess;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fhir-smart-'));
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
    ...names,
  });
  const open = (credentials: Record<string, string>) =>
    dialect.open(
      {
        userId: 1,
        adapter: dialect.description.name,
        baseUrl: `${sandbox.baseUrl}${path}`,
        credentials,
        settings: {},
        timeZone: 'America/New_York',
      },
      localAdapterDeps(),
    );
  const post = (credentials: Record<string, string>) => open(credentials).post(payment(), sending());
  const tokenUrl = () => `${sandbox.baseUrl}${path}/oauth/token`;

  test.each(['basic', 'post'])('with a client secret, in the way %s', async (client_auth) => {
    const client = { token_url: tokenUrl(), client_id: 'us', scope: 'system/*.crus', client_auth };
    expect(await post({ ...client, client_secret: 'sesame' })).toMatchObject({ outcome: 'posted' });
    expect(await post({ ...client, client_secret: 'wrong' })).toMatchObject({ outcome: 'not_sent' });
  });

  test.each([
    ['RS384', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ])('with a key of ours, as SMART backend services do (%s)', async (alg, { privateKey, publicKey }) => {
    const registered = await fetch(`${sandbox.baseUrl}${path}/oauth/register`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer sesame' },
      body: JSON.stringify({ jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg }] } }),
    });
    expect(registered.status, await registered.clone().text()).toBe(201);
    const { client_id } = (await registered.json()) as { client_id: string };
    const private_key_jwk = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'k1', alg });
    const credentials = { token_url: tokenUrl(), client_id, private_key_jwk, scope: 'system/*.crus' };
    expect(await post(credentials)).toMatchObject({ outcome: 'posted' });
    expect(await open(credentials).check(quiet())).toMatchObject({
      ok: true,
    });

    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ format: 'jwk' });
    const unknown = JSON.stringify({ ...stranger, kid: 'k1', alg: 'ES384' });
    expect(await post({ ...credentials, private_key_jwk: unknown })).toMatchObject({ outcome: 'not_sent' });
  });
}
