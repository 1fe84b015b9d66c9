import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createUser, openCallCounter, readHealth, saveCapability, saveConnection } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { newKey } from '../testing/service.ts';
import { checkUserConnection } from './check-user-connection.ts';
import { openConnections } from './connections.fixture.ts';

let it: Awaited<ReturnType<typeof openConnections>>;
beforeAll(async () => {
  it = await openConnections();
});
afterEach(() => it.sandboxCan({}));
afterAll(() => it.close());

const NOTHING = { remarks: [], unusable: [] };

describe('checkUserConnection', () => {
  const check = (publicId: string) => checkUserConnection(it.service, { publicId, by: it.service.by });
  const checksOf = async (publicId: string) =>
    (await it.service.audited()).filter(
      ({ action, subject }) => action === 'user.read_capability' && subject === `user:${publicId}`,
    );

  test('tries the stored connection', async () => {
    expect(await check((await it.newUser()).publicId)).toEqual({
      outcome: 'works',
      methods: expect.any(Number),
      locations: expect.any(Number),
      capability: 'conditional-create',
      described: expect.objectContaining({ methodNeeds: [] }),
      changed: [],
      ...NOTHING,
    });
    const wrong = await it.newUser({ credentials: { bearer_token: 'wrong' }, check: false });
    expect(await check(wrong.publicId)).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('(HTTP 401)'),
    });
    // An exchange over the stored connection, as any other.
    const { userId } = await it.connectionOf(wrong.publicId);
    const stored = await readHealth(it.service, { userId });
    expect(stored?.health).toMatchObject({
      state: 'login_required',
      lastTrouble: { code: 'unauthorized', detail: 'The EMR rejected our credentials (HTTP 401).' },
    });
  });

  test('stores what the EMR now says of itself, with an entry in the audit log, and nothing when it says the same', async () => {
    const { publicId } = await it.newUser({ settings: { timeout_ms: '9000' } });
    const before = await it.connectionOf(publicId);
    expect(await check(publicId)).toMatchObject({ outcome: 'works', changed: [] });
    expect(await it.connectionOf(publicId)).toEqual(before);
    expect(await checksOf(publicId)).toEqual([]);

    await it.sandboxCan({ conditional_create: false });
    expect(await check(publicId)).toMatchObject({
      capability: 'lookup',
      changed: ['conditional_create: true → false'],
    });
    const after = await it.connectionOf(publicId);
    expect(after.settings).toEqual({ timeout_ms: 9000, conditional_create: false, search: true });
    // Workers keep an opened adapter until this changes.
    expect(after.updatedAt.getTime()).toBeGreaterThan(before.updatedAt.getTime());
    expect(await checksOf(publicId)).toMatchObject([
      { actor: 'cli:alice', detail: { conditional_create: false, search: true, fhir_version: '5.0.0' } },
    ]);
    await it.sandboxCan({});
    expect(await check(publicId)).toMatchObject({
      capability: 'conditional-create',
      changed: ['conditional_create: false → true'],
    });
  });

  test('leaves given settings alone, and reads for a connection that was never checked', async () => {
    const given = await it.newUser({
      check: false,
      settings: { conditional_create: 'false', search: 'true' },
    });
    expect(await check(given.publicId)).toMatchObject({ capability: 'lookup', changed: [] });
    const unread = await it.newUser({ check: false });
    expect(await check(unread.publicId)).toMatchObject({
      capability: 'conditional-create',
      changed: ['conditional_create: false → true'],
    });
    // As a connection is stored that was made before checks read anything.
    const { userId } = await it.connectionOf(unread.publicId);
    const {
      owner: _,
      by: __,
      ratePerSecond: ___,
      check: ____,
      allowPlainHttp: _____,
      allowOtherPractice: ______,
      setsLimits: _______,
      ...setup
    } = it.inputOf();
    const former = { ...setup, adapter: 'fhir-r5', settings: { timeout_ms: 9000 } };
    await saveConnection(it.service, { ...former, userId });
    expect(await it.connectionOf(unread.publicId)).toMatchObject({ capabilityStatement: null });
    expect(await check(unread.publicId)).toMatchObject({ capability: 'conditional-create' });
    expect(await it.connectionOf(unread.publicId)).toMatchObject({
      settings: { timeout_ms: 9000, conditional_create: true, search: true },
    });
    await it.sandboxCan({ search: false });
    const contradicted = await it.newUser({ check: false, settings: { search: 'true' } });
    expect(await check(contradicted.publicId)).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('Leave the setting out, or give false.'),
    });
  });

  test('stores nothing for a connection that was changed meanwhile', async () => {
    const { publicId } = await it.newUser();
    const { userId, updatedAt, settings, capabilityStatement } = await it.connectionOf(publicId);
    const input = {
      userId,
      publicId,
      settings: { search: false },
      capability: { settings: { search: false }, statement: {}, read_at: null },
      by: it.service.by,
    };
    const checkedAt = new Date(updatedAt.getTime() - 1);
    expect(await saveCapability(it.service, { ...input, checkedAt })).toBe(false);
    expect(await it.connectionOf(publicId)).toMatchObject({ settings, capabilityStatement });
    expect(await checksOf(publicId)).toEqual([]);
    expect(await saveCapability(it.service, { ...input, checkedAt: updatedAt })).toBe(true);
    expect(await it.connectionOf(publicId)).toMatchObject({ settings: { search: false } });
  });

  test('says when there is nothing to try, or no key for it', async () => {
    expect(await check('user_nobody')).toEqual({ outcome: 'no_user' });
    const { publicId } = await createUser(it.service, { clientPk: it.service.clientPk, name: 'Front desk' });
    expect(await check(publicId)).toEqual({ outcome: 'no_connection' });
    const user = await it.newUser();
    const keyring = parseKeyring(newKey('k1'));
    expect(
      await checkUserConnection({ ...it.service, keyring }, { publicId: user.publicId, by: it.service.by }),
    ).toEqual({ outcome: 'sealed' });
  });

  test('a check that is answered with 429 pauses the limit for payments too, a day of it for a minute', async () => {
    const server = createServer((_, answer) => void answer.writeHead(429, { 'retry-after': '86400' }).end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const { publicId } = await it.newUser({
      adapter: 'open-dental',
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      credentials: { developer_key: 'd', customer_key: 'throttled' },
      check: false,
    });
    expect(await check(publicId)).toEqual({
      outcome: 'not_working',
      reason: expect.stringContaining('slow down (HTTP 429)'),
    });
    const { lane } = await it.connectionOf(publicId);
    const { key } = await it.service.database.prisma.rateBucket.findUniqueOrThrow({
      where: { id: lane.bucketId ?? 0 },
    });
    const windows = [{ calls: 60, perMs: 60_000 }];
    const { granted, waitMs } = await openCallCounter(it.service).take({ key, windows });
    expect(granted).toBe(false);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    expect(waitMs).toBeGreaterThan(30_000);
  });
});
