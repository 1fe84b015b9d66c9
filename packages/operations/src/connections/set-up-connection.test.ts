import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createClient,
  createUser,
  findUserByToken,
  readHealth,
  saveCapability,
  saveConnection,
} from '@emr-payments/db';
import { parseSandboxHosts } from '@emr-payments/outbound';
import { hashSecret, open, parseKeyring } from '@emr-payments/runtime';
import { type SandboxProcess, startSandbox } from '@emr-payments/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
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
afterEach(() => sandboxCan({}));
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
  allowPlainHttp: false,
  check: true,
  guarded: false,
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
/** Switches what the sandbox can, and says of itself. */
async function sandboxCan(change: object): Promise<void> {
  const switched = await fetch(`${sandbox.baseUrl}/sandbox/capabilities`, {
    method: 'PUT',
    headers: { authorization: 'Bearer sesame', 'content-type': 'application/json' },
    body: JSON.stringify({ conditional_create: true, search: true, books_closed_before: null, ...change }),
  });
  if (!switched.ok) throw new Error(await switched.text());
}

/** Connections that their adapters refuse before any call, with the beginning of the reason. */
const CANNOT_OPEN: readonly [Partial<SetUpInput>, string][] = [
  [
    {
      adapter: 'open-dental',
      credentials: { developer_key: 'sesame', customer_key: 'sesame' },
      settings: { mrn_field: 'Chart' },
    },
    'settings: mrn_field: it cannot be this text (PatNum or ChartNumber',
  ],
  [
    {
      adapter: 'canvas',
      credentials: { client_id: 'us', client_secret: 'sesame' },
      settings: { token_url: 'nope' },
    },
    'settings: token_url is not a URL',
  ],
  [
    { adapter: 'canvas', credentials: { client_id: 'u s', client_secret: 'sesame' } },
    'credentials: client_id has characters or a length',
  ],
  [
    {
      adapter: 'athena-record',
      baseUrl: 'https://emr.example/v1',
      credentials: { client_id: 'us', client_secret: 'sesame' },
      settings: { practice_id: '1' },
    },
    'base_url must end before /v1',
  ],
  [{ credentials: { client_id: 'us' } }, 'credentials: token_url is missing'],
];

const NOTHING = { remarks: [], unusable: [] };
const connectionOf = async (publicId: string) =>
  service.database.prisma.connection.findFirstOrThrow({
    where: { user: { publicId } },
    include: { lane: true },
  });

describe('test and live clients', () => {
  const newClient = async (mode: 'test' | 'live') => {
    const made = await createClient(service, { name: 'Integrator', mode });
    expect([made.clientId, made.clientSecret]).toEqual([
      expect.stringMatching(new RegExp(`^ci_${mode}_[\\w-]{32}$`)),
      expect.stringMatching(new RegExp(`^cs_${mode}_[\\w-]{32}$`)),
    ]);
    return { clientId: made.clientId, name: 'Main Street' };
  };
  const among = (text: string) => ({ ...service, sandboxHosts: parseSandboxHosts(text) });
  const HERE = '127.0.0.1';

  test('a test client gets connections to sandboxes only, a live one never to a sandbox', async () => {
    const [test, live] = [await newClient('test'), await newClient('live')];
    const by = async (owner: typeof test, hosts: string) =>
      (await setUpConnection(among(hosts), inputOf({ owner }))).outcome;
    expect([await by(test, HERE), await by(live, HERE)]).toEqual(['created', 'wrong_host']);
    expect([await by(test, ''), await by(live, '')]).toEqual(['wrong_host', 'created']);
  });

  test('every address counts, where a connection is changed and where it is checked, too', async () => {
    const owner = await newClient('test');
    const created = await setUpConnection(among(HERE), inputOf({ owner }));
    if (created.outcome !== 'created') throw new Error(created.outcome);
    const changed = { owner: { publicId: created.publicId }, check: false };
    for (const [given, name] of [
      [{ baseUrl: 'https://emr.example/fhir' }, 'base_url'],
      [
        { credentials: { token_url: 'https://emr.example/token', client_id: 'a', client_secret: 'b' } },
        'token_url',
      ],
      [
        {
          adapter: 'canvas',
          credentials: { client_id: 'a', client_secret: 'b' },
          settings: { token_url: 'https://x.example/' },
        },
        'token_url',
      ],
    ] as const)
      expect(await setUpConnection(among(HERE), inputOf({ ...changed, ...given }))).toEqual({
        outcome: 'wrong_host',
        reason: expect.stringContaining(`the host of ${name} is not in SANDBOX_HOSTS`),
      });
    const check = (hosts: string) =>
      checkUserConnection(among(hosts), { publicId: created.publicId, by: service.by });
    expect(await check(HERE)).toMatchObject({ outcome: 'works' });
    expect(await check('sandbox.example')).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('base_url'),
    });
  });
});

/** Made under one list of sandboxes, and judged under it. */
describe('the addresses by which a test client is judged', () => {
  const among = (text: string) => ({ ...service, sandboxHosts: parseSandboxHosts(text) });
  const owned = async () => {
    const made = await createClient(service, { name: 'Integrator', mode: 'test' });
    return { owner: { clientId: made.clientId, name: 'Main Street' }, check: false };
  };

  test('do not include a URL that only names an extension', async () => {
    const given: Partial<SetUpInput> = {
      ...(await owned()),
      adapter: 'fhir-r4',
      settings: {
        method_extension_url: 'https://extensions.fhir.zapehr.com/payment-method',
        location_extension_url: 'https://emr.example/fhir/location',
      },
    };
    expect(await setUpConnection(among('127.0.0.1'), inputOf(given))).toMatchObject({ outcome: 'created' });
  });

  test('include a token URL that follows from the base URL, at another host', async () => {
    const given: Partial<SetUpInput> = {
      ...(await owned()),
      adapter: 'canvas',
      baseUrl: 'https://fumage-trial.canvasmedical.com',
      credentials: { client_id: 'us', client_secret: 'sesame' },
    };
    const fhir = 'fumage-trial.canvasmedical.com';
    expect(await setUpConnection(among(fhir), inputOf(given))).toEqual({
      outcome: 'wrong_host',
      reason: expect.stringContaining('the host of token_url is not in SANDBOX_HOSTS'),
    });
    const both = `${fhir},trial.canvasmedical.com`;
    expect(await setUpConnection(among(both), inputOf(given))).toMatchObject({ outcome: 'created' });
  });
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
          reason: expect.stringContaining("'password'; it takes: bearer_token, "),
        },
      ],
      [
        { settings: { timeout_ms: '1' } },
        { outcome: 'cannot_open', reason: expect.stringContaining('settings: timeout_ms: ') },
      ],
      ...CANNOT_OPEN.flatMap(([change, reason]): [Partial<SetUpInput>, object][] =>
        [true, false].map((check) => [
          { ...change, check },
          { outcome: 'cannot_open', reason: expect.stringContaining(reason) },
        ]),
      ),
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
    expect(await setUp(change)).toEqual({ outcome: 'changed', publicId, ...NOTHING });
    expect(await connectionOf(publicId)).toMatchObject({ adapter: 'fhir-r5', settings: { search: false } });
    const tokenHash = hashSecret(accessToken);
    expect(await findUserByToken(service, { clientPk: service.clientPk, tokenHash })).toMatchObject({
      publicId,
    });
  });

  test('a user without a connection needs the name of an adapter', async () => {
    const { publicId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
    expect(await setUp({ owner: { publicId }, adapter: undefined })).toEqual({ outcome: 'no_adapter' });
    expect(await setUp({ owner: { publicId } })).toEqual({ outcome: 'changed', publicId, ...NOTHING });
  });

  test('saves what the check has read beside what the operator gave', async () => {
    await sandboxCan({ conditional_create: false });
    const { publicId, remarks } = await newUser({ settings: { search: 'true' } });
    expect(remarks).toEqual([
      expect.stringMatching(/has no conditional create: conditional_create is taken/),
    ]);
    expect(await connectionOf(publicId)).toMatchObject({
      settings: { search: true, conditional_create: false },
      capabilityStatement: {
        settings: { conditional_create: false },
        statement: { fhir_version: '5.0.0', says_conditional_create: 'no' },
        read_at: expect.stringMatching(/^\d{4}-/),
      },
    });
    expect((await service.audited()).at(-1)).toMatchObject({
      action: 'user.connect',
      detail: { conditional_create: false },
    });
    const explicit = await setUp({ settings: { conditional_create: 'true' } });
    expect(explicit).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('the setting conditional_create: true says that it has'),
    });
  });

  test('without the check a connection is saved although the EMR rejects it, and claims nothing', async () => {
    const wrong = { credentials: { bearer_token: 'wrong' }, check: false };
    const { publicId, remarks } = await newUser(wrong);
    expect(await connectionOf(publicId)).toMatchObject({
      baseUrl: sandbox.fhirUrl,
      settings: { conditional_create: false, search: true },
      capabilityStatement: { settings: { conditional_create: false, search: true }, read_at: null },
    });
    expect(remarks).toEqual([expect.stringContaining('conditional_create: false, search: true.')]);
    const given = await newUser({ ...wrong, settings: { conditional_create: 'true', search: 'false' } });
    expect(given.remarks).toEqual([]);
    expect(await connectionOf(given.publicId)).toMatchObject({
      settings: { conditional_create: true, search: false },
      capabilityStatement: { settings: {} },
    });
  });
});

test('a connection is saved with the limit of requests that its adapter names, and those of one key share it', async () => {
  const given = {
    adapter: 'nexhealth',
    credentials: { api_key: 'key-of-two' },
    settings: { subdomain: 'dental' },
    check: false,
  };
  const [one, two] = [await newUser(given), await newUser(given)];
  const apart = await newUser({ ...given, credentials: { api_key: 'another' } });
  const free = await newUser({ ...given, settings: { ...given.settings, calls_per_minute: '0' } });
  const bucketOf = async ({ publicId }: { publicId: string }) => (await connectionOf(publicId)).lane.bucketId;
  expect(await bucketOf(one)).not.toBeNull();
  expect(await bucketOf(two)).toBe(await bucketOf(one));
  expect(await bucketOf(apart)).not.toBe(await bucketOf(one));
  expect(await bucketOf(free)).toBeNull();
  const bucket = await service.database.prisma.rateBucket.findUniqueOrThrow({
    where: { id: (await bucketOf(one)) ?? 0 },
  });
  expect(bucket).toMatchObject({ calls: [100, 2000], perMs: [1000, 60_000] });
  expect(bucket.key).not.toContain('key-of-two');
});

test('a token URL is as protected as the base URL is', async () => {
  const credentials = { client_id: 'a', client_secret: 'b', refresh_token: 'c' };
  const drchrono = { check: false, adapter: 'drchrono', baseUrl: 'https://emr.example', credentials };
  const plain = { token_url: 'http://emr.example/o/token/' };
  // Nothing permits a token URL in clear beside a base URL that is not: the adapter does not open with it.
  for (const allowPlainHttp of [false, true])
    expect(await setUp({ ...drchrono, settings: plain, allowPlainHttp })).toEqual({
      outcome: 'cannot_open',
      reason: 'settings: token_url must be https: the credentials could be read on the way.',
    });
  const inClear = { ...drchrono, baseUrl: 'http://emr.example', settings: plain };
  expect(await setUp(inClear)).toEqual({ outcome: 'plain_http', address: 'base_url' });
  expect(await setUp({ ...inClear, allowPlainHttp: true })).toMatchObject({ outcome: 'created' });
  const local = { token_url: 'http://127.0.0.1:1/o/token/' };
  expect(await setUp({ ...drchrono, settings: local })).toMatchObject({ outcome: 'created' });
  // As a credential of a FHIR server: it is refused before the adapter sees it.
  expect(await setUp({ check: false, credentials: plain })).toEqual({
    outcome: 'plain_http',
    address: 'token_url',
  });
});

describe('the base URL', () => {
  const OTHER = { check: false, adapter: 'fhir-r5' };

  test.each(['http://emr.example/fhir', 'http://sandbox:4010/fhir', 'HTTP://10.0.0.1'])(
    'of another machine is https, or is allowed by name: %s',
    async (baseUrl) => {
      const users = await service.database.prisma.user.count();
      expect(await setUp({ ...OTHER, baseUrl })).toEqual({ outcome: 'plain_http', address: 'base_url' });
      const { publicId } = await newUser();
      expect(await setUp({ ...OTHER, baseUrl, owner: { publicId } })).toEqual({
        outcome: 'plain_http',
        address: 'base_url',
      });
      expect(await service.database.prisma.user.count()).toBe(users + 1);
      expect(await setUp({ ...OTHER, baseUrl, owner: { publicId }, allowPlainHttp: true })).toMatchObject({
        outcome: 'changed',
      });
      expect(await connectionOf(publicId)).toMatchObject({ baseUrl });
    },
  );

  test.each(['https://emr.example/fhir', 'http://localhost:1/fhir', 'http://[::1]:1/'])(
    'may be %s',
    async (baseUrl) => {
      expect(await setUp({ ...OTHER, baseUrl })).toMatchObject({ outcome: 'created' });
    },
  );

  test.each([
    ['emr.example', 'is not a URL'],
    ['ftp://emr.example/', 'must be http or https'],
    ['https://user:secret@emr.example/', 'must have no user, query or fragment'],
    ['https://emr.example/?a=1', 'must have no user, query or fragment'],
    ['https://emr.example/?', 'must have no user, query or fragment'],
    ['https://emr.example/#', 'must have no user, query or fragment'],
  ])('%s cannot be used, tried or not, allowed or not', async (baseUrl, reason) => {
    for (const check of [true, false]) {
      const outcome = await setUp({ baseUrl, check, allowPlainHttp: true });
      expect(outcome).toMatchObject({ outcome: 'wrong_base_url', reason: expect.stringContaining(reason) });
      expect(JSON.stringify(outcome)).not.toContain('secret');
    }
  });
});

describe('saving what is stored already', () => {
  /** The versions of the rows that a save may write, and the entries of the audit log. */
  async function state(publicId: string) {
    const { rows } = await service.database.pool.query(
      `SELECT c.xmin::text AS connection, l.xmin::text AS lane, c.updated_at
         FROM users u JOIN connections c ON c.user_id = u.id JOIN lanes l ON l.id = c.lane_id WHERE u.public_id = $1`,
      [publicId],
    );
    return { ...rows[0], audited: (await service.audited()).length };
  }

  test.each([true, false])('writes nothing (checked: %s)', async (check) => {
    const same = { check, settings: { timeout_ms: '9000' }, ratePerSecond: 0.5, shareEmrText: true };
    const { publicId } = await newUser(same);
    const before = await state(publicId);
    expect(await setUp({ ...same, owner: { publicId } })).toMatchObject({ outcome: 'changed', publicId });
    expect(await setUp({ ...same, owner: { publicId }, shareEmrText: undefined })).toMatchObject({
      outcome: 'changed',
    });
    expect(await state(publicId)).toEqual(before);
  });

  test.each([
    { credentials: { bearer_token: 'other' } },
    { credentials: {} },
    { timeZone: 'UTC' },
    { baseUrl: 'http://127.0.0.1:1/fhir' },
    { settings: { timeout_ms: '9001' } },
    { settings: {} },
    { concurrency: 5 },
    { ratePerSecond: 0.25 },
    { shareEmrText: true },
  ])('writes what differs: %j', async (change) => {
    const former = { check: false, settings: { timeout_ms: '9000' }, ratePerSecond: 0.5 };
    const { publicId } = await newUser(former);
    const before = await state(publicId);
    await setUp({ ...former, owner: { publicId }, ...change });
    const after = await state(publicId);
    expect(after.connection).not.toBe(before.connection);
    expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime());
    expect(after.audited).toBe(before.audited + 1);
  });

  test('credentials that no key opens are replaced', async () => {
    const { publicId } = await newUser({ check: false });
    await service.database.pool.query('UPDATE connections SET credentials = $1', ['lost.AAAA']);
    await setUp({ check: false, owner: { publicId } });
    expect((await connectionOf(publicId)).credentials).toMatch(/^k1\./);
  });

  test('at the same time for the first time makes one connection with one lane', async () => {
    const { userId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
    const setup = { adapter: 'fhir-r5', baseUrl: 'https://emr.example', credentials: {}, timeZone: 'UTC' };
    const lanes = await service.database.prisma.lane.count();
    const saved = await Promise.all(
      Array.from({ length: 12 }, (_, n) => saveConnection(service, { ...setup, userId, concurrency: n + 1 })),
    );
    expect(new Set(saved.map(({ laneId }) => laneId)).size).toBe(1);
    expect(await service.database.prisma.lane.count()).toBe(lanes + 1);
  });
});

describe('checkUserConnection', () => {
  const check = (publicId: string) => checkUserConnection(service, { publicId, by: service.by });
  const checksOf = async (publicId: string) =>
    (await service.audited()).filter(
      ({ action, subject }) => action === 'user.read_capability' && subject === `user:${publicId}`,
    );

  test('tries the stored connection', async () => {
    expect(await check((await newUser()).publicId)).toEqual({
      outcome: 'works',
      methods: expect.any(Number),
      locations: expect.any(Number),
      capability: 'conditional-create',
      described: expect.objectContaining({ methodNeeds: [] }),
      changed: [],
      ...NOTHING,
    });
    const wrong = await newUser({ credentials: { bearer_token: 'wrong' }, check: false });
    expect(await check(wrong.publicId)).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('(HTTP 401)'),
    });
    // An exchange over the stored connection, as any other.
    const { userId } = await connectionOf(wrong.publicId);
    const stored = await readHealth(service, { userId });
    expect(stored?.health).toMatchObject({
      state: 'login_required',
      lastTrouble: { code: 'unauthorized', detail: 'The EMR rejected our credentials (HTTP 401).' },
    });
  });

  test('stores what the EMR now says of itself, with an entry in the audit log, and nothing when it says the same', async () => {
    const { publicId } = await newUser({ settings: { timeout_ms: '9000' } });
    const before = await connectionOf(publicId);
    expect(await check(publicId)).toMatchObject({ outcome: 'works', changed: [] });
    expect(await connectionOf(publicId)).toEqual(before);
    expect(await checksOf(publicId)).toEqual([]);

    await sandboxCan({ conditional_create: false });
    expect(await check(publicId)).toMatchObject({
      capability: 'lookup',
      changed: ['conditional_create: true → false'],
    });
    const after = await connectionOf(publicId);
    expect(after.settings).toEqual({ timeout_ms: 9000, conditional_create: false, search: true });
    // Workers keep an opened adapter until this changes.
    expect(after.updatedAt.getTime()).toBeGreaterThan(before.updatedAt.getTime());
    expect(await checksOf(publicId)).toMatchObject([
      { actor: 'cli:alice', detail: { conditional_create: false, search: true, fhir_version: '5.0.0' } },
    ]);
    await sandboxCan({});
    expect(await check(publicId)).toMatchObject({
      capability: 'conditional-create',
      changed: ['conditional_create: false → true'],
    });
  });

  test('leaves given settings alone, and reads for a connection that was never checked', async () => {
    const given = await newUser({ check: false, settings: { conditional_create: 'false', search: 'true' } });
    expect(await check(given.publicId)).toMatchObject({ capability: 'lookup', changed: [] });
    const unread = await newUser({ check: false });
    expect(await check(unread.publicId)).toMatchObject({
      capability: 'conditional-create',
      changed: ['conditional_create: false → true'],
    });
    // As a connection is stored that was made before checks read anything.
    const { userId } = await connectionOf(unread.publicId);
    const { owner: _, by: __, ratePerSecond: ___, check: ____, allowPlainHttp: _____, ...setup } = inputOf();
    const former = { ...setup, adapter: 'fhir-r5', settings: { timeout_ms: 9000 } };
    await saveConnection(service, { ...former, userId });
    expect(await connectionOf(unread.publicId)).toMatchObject({ capabilityStatement: null });
    expect(await check(unread.publicId)).toMatchObject({ capability: 'conditional-create' });
    expect(await connectionOf(unread.publicId)).toMatchObject({
      settings: { timeout_ms: 9000, conditional_create: true, search: true },
    });
    await sandboxCan({ search: false });
    const contradicted = await newUser({ check: false, settings: { search: 'true' } });
    expect(await check(contradicted.publicId)).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('Leave the setting out, or give false.'),
    });
  });

  test('stores nothing for a connection that was changed meanwhile', async () => {
    const { publicId } = await newUser();
    const { userId, updatedAt, settings, capabilityStatement } = await connectionOf(publicId);
    const input = {
      userId,
      publicId,
      settings: { search: false },
      capability: { settings: { search: false }, statement: {}, read_at: null },
      by: service.by,
    };
    const checkedAt = new Date(updatedAt.getTime() - 1);
    expect(await saveCapability(service, { ...input, checkedAt })).toBe(false);
    expect(await connectionOf(publicId)).toMatchObject({ settings, capabilityStatement });
    expect(await checksOf(publicId)).toEqual([]);
    expect(await saveCapability(service, { ...input, checkedAt: updatedAt })).toBe(true);
    expect(await connectionOf(publicId)).toMatchObject({ settings: { search: false } });
  });

  test('says when there is nothing to try, or no key for it', async () => {
    expect(await check('user_nobody')).toEqual({ outcome: 'no_user' });
    const { publicId } = await createUser(service, { clientPk: service.clientPk, name: 'Front desk' });
    expect(await check(publicId)).toEqual({ outcome: 'no_connection' });
    const user = await newUser();
    const keyring = parseKeyring(newKey('k1'));
    expect(
      await checkUserConnection({ ...service, keyring }, { publicId: user.publicId, by: service.by }),
    ).toEqual({ outcome: 'sealed' });
  });
});
