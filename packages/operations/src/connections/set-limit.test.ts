import { createUser } from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey } from '../testing/service.ts';
import { openConnections } from './connections.fixture.ts';
import { setLimit } from './set-limit.ts';

let it: Awaited<ReturnType<typeof openConnections>>;
beforeAll(async () => {
  it = await openConnections();
});
afterAll(() => it.close());

const limit = (publicId: string, setting: Record<string, string>) =>
  setLimit(it.service, { publicId, setting, by: it.service.by });
const bucketOf = async (publicId: string) => {
  const { lane } = await it.connectionOf(publicId);
  return it.service.database.prisma.rateBucket.findUniqueOrThrow({ where: { id: lane.bucketId ?? 0 } });
};
/** As a login gives them: nobody can type the refresh token again. */
const drchrono = (client_id: string, settings: Record<string, string> = {}) => ({
  adapter: 'drchrono',
  credentials: { client_id, client_secret: 's', refresh_token: 'sesame' },
  settings,
  check: false,
});

test('the limit of an application is set over one of its practices, for all of them, and their connections stay as they are', async () => {
  const one = await it.newUser(drchrono('us', { calls_per_hour: '200', timeout_ms: '9000' }));
  const two = await it.newUser({ ...drchrono('us'), setsLimits: false });
  const apart = await it.newUser(drchrono('others'));
  const before = [await it.connectionOf(one.publicId), await it.connectionOf(two.publicId)];
  const windows = [
    { calls: 5000, perMs: 3_600_000 },
    { calls: 9, perMs: 1000 },
  ];
  expect(await limit(two.publicId, { calls_per_hour: '5000' })).toMatchObject({ outcome: 'set', windows });
  for (const { publicId } of [one, two])
    expect(await bucketOf(publicId)).toMatchObject({ calls: [9, 5000], perMs: [1000, 3_600_000] });
  expect(await bucketOf(apart.publicId)).toMatchObject({ calls: [9, 500] });
  expect([await it.connectionOf(one.publicId), await it.connectionOf(two.publicId)]).toEqual(before);
  const entry = (await it.service.audited()).at(-1);
  expect(entry).toMatchObject({ action: 'user.limit', subject: `user:${two.publicId}` });
  expect(entry?.detail).toEqual({ calls_per_hour: 5000 });
});

test('nothing is set that is no limit of the connection, and the reason says so', async () => {
  const { publicId } = await it.newUser(drchrono('refused'));
  const before = await bucketOf(publicId);
  const reasonOf = async (setting: Record<string, string>) => {
    const outcome = await limit(publicId, setting);
    if (outcome.outcome !== 'wrong_setting') throw new Error(JSON.stringify(outcome));
    return outcome.reason;
  };
  for (const setting of [{}, { timeout_ms: '9000' }, { calls_per_hour: '1', timeout_ms: '9000' }])
    expect(await reasonOf(setting)).toMatch(/is said by calls_per_hour \(requests an hour/);
  expect(await reasonOf({ calls_per_hour: 'many' })).toContain('must be a whole number');
  expect(await reasonOf({ calls_per_hour: '2000000' })).toContain('settings: calls_per_hour: ');
  expect(await reasonOf({ calls_per_hour: '0' })).toContain('for one connection only');
  expect(await reasonOf({ calls_per_hour: '40' })).toContain('could never be looked up');
  expect(await bucketOf(publicId)).toEqual(before);

  const calls = { calls_per_hour: '9' };
  const unlimited = await it.newUser(drchrono('refused', { calls_per_hour: '0' }));
  const none = { outcome: 'no_limit', adapter: 'drchrono' };
  expect(await limit(unlimited.publicId, calls)).toEqual(none);
  expect(await limit((await it.newUser()).publicId, calls)).toEqual({ ...none, adapter: 'fhir-r5' });
  const bare = await createUser(it.service, { clientPk: it.service.clientPk, name: 'Front desk' });
  expect(await limit(bare.publicId, calls)).toEqual({ outcome: 'no_connection' });
  expect(await limit('user_nobody', calls)).toEqual({ outcome: 'no_user' });
  const other = { ...it.service, keyring: parseKeyring(newKey('k2')) };
  const sealed = await setLimit(other, { publicId, setting: calls, by: it.service.by });
  expect(sealed).toEqual({ outcome: 'sealed' });
});
