import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createUser, findUserByToken } from '@emr-payments/db';
import { hashSecret, open, parseKeyring } from '@emr-payments/runtime';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newKey, openService, type Service } from '../testing/service.ts';
import { checkUserConnection } from './check-user-connection.ts';
import { type SetUpInput, setUpConnection } from './set-up-connection.ts';

let service: Service;
let sandbox: SandboxProcess;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emr-payments-operations-'));
  [service, sandbox] = await Promise.all([
    openService(),
    startSandbox({ ledgerFile: join(folder, 'ledger.jsonl'), env: { SANDBOX_TOKEN: 'sesame' } }),
  ]);
});
afterAll(async () => {
  await sandbox.stop();
  await service.close();
  await rm(folder, { recursive: true });
});

const inputOf = (overrides: Partial<SetUpInput> = {}): SetUpInput => ({
  owner: { clientId: service.clientId, name: 'Main Street' },
  adapter: 'fhir-r5',
  baseUrl: sandbox.fhirUrl,
  timeZone: 'America/New_York',
  credentials: { bearer_token: 'sesame' },
  settings: {},
  concurrency: 4,
  ratePerSecond: undefined,
  check: true,
  by: service.by,
  ...overrides,
});
const setUp = (overrides: Partial<SetUpInput> = {}) => setUpConnection(service, inputOf(overrides));

/** Sets a user up. @returns its public id, and its access token. */
async function newUser(overrides: Partial<SetUpInput> = {}) {
  const created = await setUp(overrides);
  if (created.outcome !== 'created') throw new Error(JSON.stringify(created));
  return created;
}
const connectionOf = async (publicId: string) =>
  service.database.prisma.connection.findFirstOrThrow({
    where: { user: { publicId } },
    include: { lane: true },
  });

describe('setUpConnection', () => {
  test('makes a user with a sealed connection and a token that works', async () => {
    const { publicId, accessToken } = await newUser({
      settings: { timeout_ms: '9000', search: 'true', payment_identifier_system: 'urn:123' },
      concurrency: 7,
      ratePerSecond: 0.5,
    });
    const tokenHash = hashSecret(accessToken);
    const found = await findUserByToken(service, { clientPk: service.clientPk, tokenHash });
    expect(found?.publicId).toBe(publicId);
    const saved = await connectionOf(publicId);
    expect(saved).toMatchObject({
      adapter: 'fhir-r5',
      baseUrl: sandbox.fhirUrl,
      timeZone: 'America/New_York',
      settings: { timeout_ms: 9000, search: true, payment_identifier_system: 'urn:123' },
      lane: { concurrency: 7 },
    });
    expect(Number(saved.lane.ratePerSecond)).toBe(0.5);
    expect(saved.credentials).not.toContain('sesame');
    expect(open(service.keyring, `connection:${saved.userId}`, saved.credentials ?? '')).toBe(
      '{"bearer_token":"sesame"}',
    );
    const entries = await service.audited();
    expect(entries.at(-1)).toMatchObject({ actor: 'cli:alice', action: 'user.connect' });
    expect(JSON.stringify(entries)).not.toMatch(/sesame|at_/);
  });

  test('stores the present name of an adapter that is given by a former one', async () => {
    const { publicId } = await newUser({ adapter: 'fhir' });
    expect(await connectionOf(publicId)).toMatchObject({ adapter: 'fhir-r5' });
  });

  test('saves nothing that cannot be used, and says why', async () => {
    const users = () => service.database.prisma.user.count();
    const before = await users();
    const refusals: [Partial<SetUpInput>, object][] = [
      [{ owner: { clientId: 'ci_nobody', name: 'x' } }, { outcome: 'no_client' }],
      [{ owner: { publicId: 'user_nobody' } }, { outcome: 'no_user' }],
      [{ timeZone: 'Mars/Olympus' }, { outcome: 'unknown_time_zone' }],
      [{ adapter: undefined }, { outcome: 'no_adapter' }],
      [{ adapter: 'fax' }, { outcome: 'unknown_adapter', adapter: 'fax' }],
      [
        { settings: { no_such: '1' } },
        { outcome: 'wrong_settings', reason: expect.stringContaining("no setting 'no_such'; it takes: ") },
      ],
      [
        { settings: { search: 'maybe' }, check: false },
        { outcome: 'wrong_settings', reason: expect.stringContaining('must be true or false') },
      ],
      [
        { credentials: { password: 'sesame' }, check: false },
        {
          outcome: 'wrong_credentials',
          reason: expect.stringContaining("'password'; it takes: bearer_token."),
        },
      ],
      [
        { settings: { timeout_ms: '1' } },
        { outcome: 'not_working', reason: expect.stringContaining('timeout_ms') },
      ],
      [
        { credentials: { bearer_token: 'wrong' } },
        { outcome: 'not_working', reason: expect.stringContaining('(HTTP 401)') },
      ],
    ];
    for (const [overrides, refusal] of refusals) {
      const outcome = await setUp(overrides);
      expect(outcome).toEqual(refusal);
      expect(JSON.stringify(outcome)).not.toContain('sesame');
    }
    expect(await users()).toBe(before);
  });

  test('replaces a connection and nothing else of the user; without a name its adapter stays', async () => {
    const { publicId, accessToken } = await newUser({ settings: { timeout_ms: '9000' } });
    const change = { owner: { publicId }, adapter: undefined, settings: { search: 'false' } };
    expect(await setUp(change)).toEqual({ outcome: 'changed', publicId });
    expect(await connectionOf(publicId)).toMatchObject({ adapter: 'fhir-r5', settings: { search: false } });
    const tokenHash = hashSecret(accessToken);
    expect(await findUserByToken(service, { clientPk: service.clientPk, tokenHash })).toMatchObject({
      publicId,
    });
  });

  test('a user without a connection needs the name of an adapter', async () => {
    const { publicId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
    expect(await setUp({ owner: { publicId }, adapter: undefined })).toEqual({ outcome: 'no_adapter' });
    expect(await setUp({ owner: { publicId } })).toEqual({ outcome: 'changed', publicId });
  });

  test('without the check a connection is saved although the EMR rejects it', async () => {
    const { publicId } = await newUser({ credentials: { bearer_token: 'wrong' }, check: false });
    expect(await connectionOf(publicId)).toMatchObject({ baseUrl: sandbox.fhirUrl });
  });
});

describe('checkUserConnection', () => {
  const check = (publicId: string) => checkUserConnection(service, { publicId });

  test('tries the stored connection', async () => {
    expect(await check((await newUser()).publicId)).toEqual({
      outcome: 'works',
      methods: expect.any(Number),
      locations: expect.any(Number),
      unusable: [],
    });
    const wrong = await newUser({ credentials: { bearer_token: 'wrong' }, check: false });
    expect(await check(wrong.publicId)).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('(HTTP 401)'),
    });
  });

  test('says when there is nothing to try, or no key for it', async () => {
    expect(await check('user_nobody')).toEqual({ outcome: 'no_user' });
    const { publicId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
    expect(await check(publicId)).toEqual({ outcome: 'no_connection' });
    const user = await newUser();
    const keyring = parseKeyring(newKey('k1'));
    expect(
      await checkUserConnection({ database: service.database, keyring }, { publicId: user.publicId }),
    ).toEqual({ outcome: 'sealed' });
  });
});
