import {
  createAcceptor,
  createUser,
  endHold,
  findUserByToken,
  inTransaction,
  listHolds,
  saveConnection,
} from '@emr-payments/db';
import { hashSecret, open } from '@emr-payments/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openConnections } from './connections.fixture.ts';
import { prepareConnection, type SetUpInput } from './set-up-connection.ts';

let it: Awaited<ReturnType<typeof openConnections>>;
beforeAll(async () => {
  it = await openConnections();
});
afterEach(() => it.sandboxCan({}));
afterAll(() => it.close());

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

describe('setUpConnection', () => {
  test('makes a user with a sealed connection and a token that works', async () => {
    const { publicId, accessToken } = await it.newUser({
      settings: { timeout_ms: '9000', search: 'true', payment_identifier_system: 'urn:123' },
      concurrency: 7,
      ratePerSecond: 0.5,
    });
    const tokenHash = hashSecret(accessToken);
    const found = await findUserByToken(it.service, { clientPk: it.service.clientPk, tokenHash });
    expect(found?.publicId).toBe(publicId);
    const saved = await it.connectionOf(publicId);
    expect(saved).toMatchObject({
      adapter: 'fhir-r5',
      baseUrl: it.sandbox.fhirUrl,
      timeZone: 'America/New_York',
      settings: { timeout_ms: 9000, search: true, payment_identifier_system: 'urn:123' },
      lane: { concurrency: 7 },
    });
    expect(Number(saved.lane.ratePerSecond)).toBe(0.5);
    expect(saved.credentials).not.toContain('sesame');
    expect(open(it.service.keyring, `connection:${saved.userId}`, saved.credentials ?? '')).toBe(
      '{"bearer_token":"sesame"}',
    );
    const entries = await it.service.audited();
    expect(entries.at(-1)).toMatchObject({ actor: 'cli:alice', action: 'user.connect' });
    for (const secret of ['sesame', accessToken]) expect(JSON.stringify(entries)).not.toContain(secret);
  });

  test('stores the address in the form of an application, whose new secret finds it', async () => {
    const { publicId } = await it.newUser({ baseUrl: 'HTTPS://EMR.Example:443/fhir//', check: false });
    expect(await it.connectionOf(publicId)).toMatchObject({ baseUrl: 'https://emr.example/fhir' });
  });

  test('stores the present name of an adapter that is given by a former one', async () => {
    const { publicId } = await it.newUser({ adapter: 'fhir' });
    expect(await it.connectionOf(publicId)).toMatchObject({ adapter: 'fhir-r5' });
  });

  test('saves nothing that cannot be used, and says why', async () => {
    const users = () => it.service.database.prisma.user.count();
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
      const outcome = await it.setUp(overrides);
      expect(outcome).toEqual(refusal);
      expect(JSON.stringify(outcome)).not.toContain('sesame');
    }
    expect(await users()).toBe(before);
  });

  test('replaces a connection and nothing else of the user; without a name its adapter stays', async () => {
    const { publicId, accessToken } = await it.newUser({ settings: { timeout_ms: '9000' } });
    const change = { owner: { publicId }, adapter: undefined, settings: { search: 'false' } };
    expect(await it.setUp(change)).toEqual({ outcome: 'changed', publicId, ...NOTHING });
    expect(await it.connectionOf(publicId)).toMatchObject({
      adapter: 'fhir-r5',
      settings: { search: false },
    });
    const tokenHash = hashSecret(accessToken);
    expect(await findUserByToken(it.service, { clientPk: it.service.clientPk, tokenHash })).toMatchObject({
      publicId,
    });
  });

  test('a user without a connection needs the name of an adapter', async () => {
    const { publicId } = await createUser(it.service, { clientPk: it.service.clientPk, name: 'Front desk' });
    expect(await it.setUp({ owner: { publicId }, adapter: undefined })).toEqual({ outcome: 'no_adapter' });
    expect(await it.setUp({ owner: { publicId } })).toEqual({ outcome: 'changed', publicId, ...NOTHING });
  });

  test('saves what the check has read beside what the operator gave', async () => {
    await it.sandboxCan({ conditional_create: false });
    const { publicId, remarks } = await it.newUser({ settings: { search: 'true' } });
    expect(remarks).toEqual([
      expect.stringMatching(/has no conditional create: conditional_create is taken/),
    ]);
    expect(await it.connectionOf(publicId)).toMatchObject({
      settings: { search: true, conditional_create: false },
      capabilityStatement: {
        settings: { conditional_create: false },
        statement: { fhir_version: '5.0.0', says_conditional_create: 'no' },
        read_at: expect.stringMatching(/^\d{4}-/),
      },
    });
    expect((await it.service.audited()).at(-1)).toMatchObject({
      action: 'user.connect',
      detail: { conditional_create: false },
    });
    const explicit = await it.setUp({ settings: { conditional_create: 'true' } });
    expect(explicit).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('the setting conditional_create: true says that it has'),
    });
  });

  test('without the check a connection is saved although the EMR rejects it, and claims nothing', async () => {
    const wrong = { credentials: { bearer_token: 'wrong' }, check: false };
    const { publicId, remarks } = await it.newUser(wrong);
    expect(await it.connectionOf(publicId)).toMatchObject({
      baseUrl: it.sandbox.fhirUrl,
      settings: { conditional_create: false, search: true },
      capabilityStatement: { settings: { conditional_create: false, search: true }, read_at: null },
    });
    expect(remarks).toEqual([expect.stringContaining('conditional_create: false, search: true.')]);
    const given = await it.newUser({ ...wrong, settings: { conditional_create: 'true', search: 'false' } });
    expect(given.remarks).toEqual([]);
    expect(await it.connectionOf(given.publicId)).toMatchObject({
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
  const [one, two] = [await it.newUser(given), await it.newUser(given)];
  const apart = await it.newUser({ ...given, credentials: { api_key: 'another' } });
  const free = await it.newUser({ ...given, settings: { ...given.settings, calls_per_minute: '0' } });
  const bucketOf = async ({ publicId }: { publicId: string }) =>
    (await it.connectionOf(publicId)).lane.bucketId;
  expect(await bucketOf(one)).not.toBeNull();
  expect(await bucketOf(two)).toBe(await bucketOf(one));
  expect(await bucketOf(apart)).not.toBe(await bucketOf(one));
  expect(await bucketOf(free)).toBeNull();
  const bucket = await it.service.database.prisma.rateBucket.findUniqueOrThrow({
    where: { id: (await bucketOf(one)) ?? 0 },
  });
  expect(bucket).toMatchObject({ calls: [100, 2000], perMs: [1000, 60_000] });
  expect(bucket.key).not.toContain('key-of-two');
});

const NEXHEALTH = {
  adapter: 'nexhealth',
  settings: { subdomain: 'dental' },
  check: false,
};
const windowsOf = async ({ publicId }: { publicId: string }) => {
  const { lane } = await it.connectionOf(publicId);
  const { calls, perMs } = await it.service.database.prisma.rateBucket.findUniqueOrThrow({
    where: { id: lane.bucketId ?? 0 },
  });
  return calls.map((number, n) => [number, perMs[n]]);
};

test('an operator who says the limit in a setting sets it for all, and one who does not leaves it', async () => {
  const given = { ...NEXHEALTH, credentials: { api_key: 'key-with-a-limit' } };
  const limited = (calls: string) => ({ ...given, settings: { ...given.settings, calls_per_minute: calls } });
  const one = await it.newUser(limited('300'));
  const two = await it.newUser(given);
  const stored = (calls: number) => [
    [100, 1000],
    [calls, 60_000],
  ];
  for (const user of [one, two]) expect(await windowsOf(user)).toEqual(stored(300));
  // The last word counts, whatever the settings of the others say.
  await it.setUp({ ...limited('4000'), owner: two });
  await it.setUp({ ...given, owner: one, concurrency: 7 });
  for (const user of [one, two]) expect(await windowsOf(user)).toEqual(stored(4000));
});

test('a person of a practice cannot change the limit that others share, by no setting and by none left out', async () => {
  const given = { ...NEXHEALTH, credentials: { api_key: 'key-of-a-person' } };
  const mine = await it.newUser({ ...given, settings: { ...given.settings, calls_per_minute: '300' } });
  const before = await windowsOf(mine);
  for (const change of [{}, { calls_per_minute: '1' }, { calls_per_minute: '1000000' }]) {
    const settings = { ...given.settings, ...change };
    const other = await it.newUser({ ...given, settings, setsLimits: false });
    await it.setUp({ ...given, settings, setsLimits: false, owner: other });
    expect(await windowsOf(other)).toEqual(before);
  }
});

test('a limit is set when its connection is saved, and not before', async () => {
  const given = { ...NEXHEALTH, credentials: { api_key: 'key-not-saved' } };
  const limited = (calls_per_minute: string) => ({ settings: { ...given.settings, calls_per_minute } });
  const one = await it.newUser({ ...given, ...limited('300') });
  const before = await windowsOf(one);
  const prepared = await prepareConnection(
    it.service,
    it.inputOf({ ...given, ...limited('600'), owner: one }),
  );
  if (prepared.outcome !== 'ready') throw new Error(prepared.outcome);
  expect(await windowsOf(one)).toEqual(before);
  await inTransaction(it.service, async (tx) => ({ commit: true, value: await prepared.save(tx) }));
  await prepared.saved();
  expect(await windowsOf(one)).toContainEqual([600, 60_000]);
});

test('a token URL is as protected as the base URL is', async () => {
  const credentials = { client_id: 'a', client_secret: 'b', refresh_token: 'c' };
  const drchrono = { check: false, adapter: 'drchrono', baseUrl: 'https://emr.example', credentials };
  const plain = { token_url: 'http://emr.example/o/token/' };
  // Nothing permits a token URL in clear beside a base URL that is not: the adapter does not open with it.
  for (const allowPlainHttp of [false, true])
    expect(await it.setUp({ ...drchrono, settings: plain, allowPlainHttp })).toEqual({
      outcome: 'cannot_open',
      reason: 'settings: token_url must be https: the credentials could be read on the way.',
    });
  const inClear = { ...drchrono, baseUrl: 'http://emr.example', settings: plain };
  expect(await it.setUp(inClear)).toEqual({ outcome: 'plain_http', address: 'base_url' });
  expect(await it.setUp({ ...inClear, allowPlainHttp: true })).toMatchObject({ outcome: 'created' });
  const local = { token_url: 'http://127.0.0.1:1/o/token/' };
  expect(await it.setUp({ ...drchrono, settings: local })).toMatchObject({ outcome: 'created' });
  // As a credential of a FHIR server: it is refused before the adapter sees it.
  expect(await it.setUp({ check: false, credentials: plain })).toEqual({
    outcome: 'plain_http',
    address: 'token_url',
  });
});

describe('the base URL', () => {
  const OTHER = { check: false, adapter: 'fhir-r5' };

  test.each(['http://emr.example/fhir', 'http://sandbox:4010/fhir', 'HTTP://10.0.0.1'])(
    'of another machine is https, or is allowed by name: %s',
    async (baseUrl) => {
      const users = await it.service.database.prisma.user.count();
      expect(await it.setUp({ ...OTHER, baseUrl })).toEqual({ outcome: 'plain_http', address: 'base_url' });
      const { publicId } = await it.newUser();
      expect(await it.setUp({ ...OTHER, baseUrl, owner: { publicId } })).toEqual({
        outcome: 'plain_http',
        address: 'base_url',
      });
      expect(await it.service.database.prisma.user.count()).toBe(users + 1);
      expect(await it.setUp({ ...OTHER, baseUrl, owner: { publicId }, allowPlainHttp: true })).toMatchObject({
        outcome: 'changed',
      });
      expect(await it.connectionOf(publicId)).toMatchObject({ baseUrl: baseUrl.toLowerCase() });
    },
  );

  test.each(['https://emr.example/fhir', 'http://localhost:1/fhir', 'http://[::1]:1/'])(
    'may be %s',
    async (baseUrl) => {
      expect(await it.setUp({ ...OTHER, baseUrl })).toMatchObject({ outcome: 'created' });
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
      const outcome = await it.setUp({ baseUrl, check, allowPlainHttp: true });
      expect(outcome).toMatchObject({ outcome: 'wrong_base_url', reason: expect.stringContaining(reason) });
      expect(JSON.stringify(outcome)).not.toContain('secret');
    }
  });
});

describe('saving what is stored already', () => {
  /** The versions of the rows that a save may write, and the entries of the audit log. */
  async function state(publicId: string) {
    const { rows } = await it.service.database.pool.query(
      `SELECT c.xmin::text AS connection, l.xmin::text AS lane, c.updated_at
         FROM users u JOIN connections c ON c.user_id = u.id JOIN lanes l ON l.id = c.lane_id WHERE u.public_id = $1`,
      [publicId],
    );
    return { ...rows[0], audited: (await it.service.audited()).length };
  }

  test.each([true, false])('writes nothing (checked: %s)', async (check) => {
    const same = { check, settings: { timeout_ms: '9000' }, ratePerSecond: 0.5, shareEmrText: true };
    const { publicId } = await it.newUser(same);
    const before = await state(publicId);
    expect(await it.setUp({ ...same, owner: { publicId } })).toMatchObject({ outcome: 'changed', publicId });
    expect(await it.setUp({ ...same, owner: { publicId }, shareEmrText: undefined })).toMatchObject({
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
    const { publicId } = await it.newUser(former);
    const before = await state(publicId);
    await it.setUp({ ...former, owner: { publicId }, ...change });
    const after = await state(publicId);
    expect(after.connection).not.toBe(before.connection);
    expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime());
    expect(after.audited).toBe(before.audited + 1);
  });

  test('credentials that no key opens are replaced', async () => {
    const { publicId } = await it.newUser({ check: false });
    await it.service.database.pool.query('UPDATE connections SET credentials = $1', ['lost.AAAA']);
    await it.setUp({ check: false, owner: { publicId } });
    expect((await it.connectionOf(publicId)).credentials).toMatch(/^k1\./);
  });

  test('at the same time for the first time makes one connection with one lane', async () => {
    const { userId } = await createUser(it.service, { clientPk: it.service.clientPk, name: 'Front desk' });
    const setup = { adapter: 'fhir-r5', baseUrl: 'https://emr.example', credentials: {}, timeZone: 'UTC' };
    const lanes = await it.service.database.prisma.lane.count();
    const saved = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        saveConnection(it.service, { ...setup, userId, concurrency: n + 1 }),
      ),
    );
    expect(new Set(saved.map(({ laneId }) => laneId)).size).toBe(1);
    expect(await it.service.database.prisma.lane.count()).toBe(lanes + 1);
  });
});

describe('a change after which an MRN may be another patient', () => {
  const PATIENTS = [
    { mrn: 'of-a-file', emrPatientId: '17', source: 'import' },
    { mrn: 'looked-up', emrPatientId: '18', source: 'lookup' },
    { mrn: 'synced', emrPatientId: '19', source: 'sync' },
  ] as const;
  const DENTAL = {
    adapter: 'open-dental',
    credentials: { developer_key: 'developer', customer_key: 'office-a' },
    check: false,
  };

  async function connected(given: Partial<SetUpInput>) {
    const { publicId } = await it.newUser({ check: false, ...given });
    const { userId } = await it.connectionOf(publicId);
    await it.service.database.prisma.patient.createMany({
      data: PATIENTS.map((patient) => ({ userId, ...patient })),
    });
    const stored = () =>
      it.service.database.prisma.patient.findMany({ where: { userId }, select: { mrn: true } });
    const accept = () =>
      createAcceptor(it.service).accept({
        clientPk: it.service.clientPk,
        userId,
        patientMrn: 'looked-up',
        paymentMethod: 'Card',
        referenceNumber: '#1',
        location: 'Main Street Clinic',
        amount: '350.00',
        notes: null,
        depositDate: null,
        idempotency: null,
      });
    return {
      publicId,
      accept,
      change: (change: Partial<SetUpInput>) =>
        it.setUp({ check: false, ...given, ...change, owner: { publicId } }),
      stored: async () => (await stored()).map(({ mrn }) => mrn).sort(),
    };
  }

  test.each<[string, Partial<SetUpInput>, Partial<SetUpInput>]>([
    ['MRNs are another number', DENTAL, { settings: { mrn_field: 'ChartNumber' } }],
    ['MRNs have another system', {}, { settings: { patient_identifier_system: 'urn:practice:mrn' } }],
    ['another address', {}, { baseUrl: 'https://other.example/fhir' }],
    ['another office', DENTAL, { credentials: { developer_key: 'developer', customer_key: 'office-b' } }],
    ['another adapter', {}, { adapter: 'fhir-r4' }],
  ])('forgets the ids that look-ups and syncs have found: %s', async (_what, former, change) => {
    const it = await connected(former);
    const saved = await it.change(change);
    expect(await it.stored()).toEqual(['of-a-file']);
    expect(saved).toMatchObject({
      outcome: 'changed',
      remarks: expect.arrayContaining([
        expect.stringMatching(
          /2 EMR patient ids that look-ups and syncs had found were forgotten.*1 .* kept/,
        ),
      ]),
    });
  });

  test('puts the user on hold, when payments wait that were accepted before', async () => {
    const one = await connected({});
    await one.accept();
    const saved = await one.change({ baseUrl: 'https://other.example/fhir' });
    expect(saved).toMatchObject({ remarks: [expect.anything(), expect.stringContaining('on hold')] });
    const holds = async () => (await listHolds(it.service)).map(({ scope }) => scope);
    expect(await holds()).toEqual([one.publicId]);
    const scope = { userId: (await it.connectionOf(one.publicId)).userId, publicId: one.publicId };
    await endHold(it.service, { scope, by: it.service.by });

    await one.change({ baseUrl: 'https://other.example/fhir', credentials: { bearer_token: 'renewed' } });
    const two = await connected({});
    await two.change({ baseUrl: 'https://other.example/fhir' });
    expect(await holds()).toEqual([]);
  });

  describe('that is seen by the patients of the last payments', () => {
    async function paid(emrPatientId: string) {
      const one = await connected({});
      const { userId } = await it.connectionOf(one.publicId);
      await one.accept();
      await it.service.database.prisma.payment.updateMany({
        where: { userId },
        data: { patientMrn: 'MRN-12345', emrPatientId, status: 'posted' },
      });
      const { updatedAt } = await it.connectionOf(one.publicId);
      const isChanged = async () => (await it.connectionOf(one.publicId)).updatedAt > updatedAt;
      return { ...one, isChanged, change: (change: object) => one.change({ ...RENEWED, ...change }) };
    }
    const RENEWED = { check: true, settings: { timeout_ms: '9000' } };

    test('is refused until the operator says that it is right, and then forgets', async () => {
      const one = await paid('of-another');
      expect(await one.change({})).toEqual({ outcome: 'other_practice' });
      expect([await one.isChanged(), await one.stored()]).toEqual([
        false,
        ['looked-up', 'of-a-file', 'synced'],
      ]);
      expect(await one.change({ allowOtherPractice: true })).toMatchObject({ outcome: 'changed' });
      expect([await one.isChanged(), await one.stored()]).toEqual([true, ['of-a-file']]);
    });

    test('is none where one of them has the same id', async () => {
      const one = await paid('pat-1001');
      expect(await one.change({})).toMatchObject({ outcome: 'changed' });
      expect(await one.stored()).toEqual(['looked-up', 'of-a-file', 'synced']);
    });

    test('is not seen without a check', async () => {
      const one = await paid('of-another');
      expect(await one.change({ check: false })).toMatchObject({ outcome: 'changed' });
    });
  });

  test.each<[string, Partial<SetUpInput>, Partial<SetUpInput>]>([
    ['other credentials of the same EMR', {}, { credentials: { bearer_token: 'renewed' } }],
    ['an address with a slash', {}, { baseUrl: `https://emr.example/` }],
    ['a setting that is given as its default', DENTAL, { settings: { mrn_field: 'PatNum' } }],
    ['another developer key', DENTAL, { credentials: { developer_key: 'other', customer_key: 'office-a' } }],
    ['limits, time zone', {}, { concurrency: 9, timeZone: 'UTC', settings: { timeout_ms: '9000' } }],
  ])('keeps them: %s', async (_what, former, change) => {
    const given = { baseUrl: 'https://emr.example', ...former };
    const it = await connected(given);
    const saved = await it.change(change);
    expect(await it.stored()).toEqual(['looked-up', 'of-a-file', 'synced']);
    expect(JSON.stringify(saved)).not.toContain('forgotten');
  });
});
