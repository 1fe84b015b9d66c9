import { sentence } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findConnection } from '../tenants/find-connection.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { createPractice, type Practice } from '../testing/practice.ts';
import type { Exchange } from './next-state.ts';
import { noteExchange, noteSuccesses } from './note-exchange.ts';
import { readHealth } from './read-health.ts';

let opened: OpenPractice;
beforeAll(async () => {
  opened = await openPractice();
});
afterAll(() => opened.close());

const login: Exchange = {
  kind: 'login',
  code: 'unauthorized',
  detail: sentence`The EMR rejected our credentials.`,
};
const down: Exchange = { kind: 'down', code: 'timeout', detail: sentence`The EMR was late.` };
const answered: Exchange = { kind: 'answered' };

const newPractice = () => createPractice(opened);
async function connectionOf({ userId }: Practice) {
  const connection = await findConnection(opened, { userId });
  if (connection === null) throw new Error('there is no connection');
  return connection;
}
const note = async (practice: Practice, exchange: Exchange) =>
  noteExchange(opened, { connection: await connectionOf(practice), exchange, subject: 'payment', agoMs: 0 });
const stateOf = async (practice: Practice) => (await readHealth(opened, practice))?.health;
const eventsOf = async ({ userId }: Practice) => {
  const events = await opened.database.prisma.event.findMany({ where: { userId }, orderBy: { id: 'asc' } });
  return events.map(({ type, body }) => [type, JSON.parse(body)] as const);
};
const save = (practice: Practice, change: { credentials?: Record<string, string>; checked?: boolean }) =>
  saveConnection(opened, {
    userId: practice.userId,
    adapter: 'fhir-r5',
    baseUrl: 'http://127.0.0.1:1',
    credentials: {},
    timeZone: 'America/New_York',
    concurrency: 4,
    ...change,
  });

test('an outage has one event at its beginning and one at its end, in the commit of the state', async () => {
  const practice = await newPractice();
  expect(await note(practice, login)).toEqual({ state: 'login_required', stopped: true, isCurrent: true });
  expect(await note(practice, login)).toEqual({ state: 'login_required', stopped: true, isCurrent: true });
  expect(await note(practice, answered)).toEqual({ state: 'connected', stopped: false, isCurrent: true });
  expect(await note(practice, answered)).toEqual({ state: 'connected', stopped: false, isCurrent: true });
  const events = await eventsOf(practice);
  expect(events.map(([type, { data }]) => [type, data.state, data.code, data.sequence])).toEqual([
    ['connection.broken', 'login_required', 'unauthorized', 1],
    ['connection.restored', 'connected', 'unauthorized', 2],
  ]);
  expect(events[0]?.[1]).toMatchObject({
    access_token_reference_id: practice.publicId,
    job_id: null,
    data: { reason: 'The EMR rejected our credentials.', since: expect.stringMatching(/Z$/) },
  });
  const deliveries = await opened.database.prisma.delivery.count({
    where: { endpointId: practice.endpointId ?? '' },
  });
  expect(deliveries).toBe(2);
});

test('of many that note at once, one begins the outage and one ends it', async () => {
  const practice = await newPractice();
  const connection = await connectionOf(practice);
  const all = (exchange: Exchange) =>
    Promise.all(
      Array.from({ length: 12 }, () =>
        noteExchange(opened, { connection, exchange, subject: 'payment', agoMs: 0 }),
      ),
    );
  for (const noted of await all(login)) expect(noted.stopped).toBe(true);
  for (const noted of await all(answered)) expect(noted.stopped).toBe(false);
  expect((await eventsOf(practice)).map(([type]) => type)).toEqual([
    'connection.broken',
    'connection.restored',
  ]);
});

test('an exchange over credentials that were replaced since changes nothing', async () => {
  const practice = await newPractice();
  const former = await connectionOf(practice);
  await save(practice, { credentials: { bearer_token: 'new' } });
  expect(
    await noteExchange(opened, { connection: former, exchange: login, subject: 'payment', agoMs: 0 }),
  ).toMatchObject({
    stopped: false,
    isCurrent: false,
  });
  expect(await stateOf(practice)).toMatchObject({ state: 'connected', lastTrouble: null });
});

test('a save opens the gate for a probe and claims nothing; one that was checked ends the outage', async () => {
  const practice = await newPractice();
  await note(practice, login);
  await save(practice, { credentials: { bearer_token: 'new' } });
  const probing = await stateOf(practice);
  expect(probing).toMatchObject({ state: 'login_required', outageOpen: true });
  expect(probing?.stoppedUntil?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
  expect(await note(practice, login)).toMatchObject({ stopped: true, isCurrent: true });
  // The same credentials again: they are tried, and nothing else is written.
  const { updatedAt } = await opened.database.prisma.connection.findUniqueOrThrow({
    where: { userId: practice.userId },
  });
  expect(await save(practice, { credentials: { bearer_token: 'new' } })).toMatchObject({ written: false });
  expect((await stateOf(practice))?.stoppedUntil?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
  expect(
    await opened.database.prisma.connection.findUniqueOrThrow({ where: { userId: practice.userId } }),
  ).toMatchObject({
    updatedAt,
  });

  await save(practice, { credentials: { bearer_token: 'good' }, checked: true });
  expect(await stateOf(practice)).toMatchObject({
    state: 'connected',
    outageOpen: false,
    stoppedUntil: null,
  });
  expect((await eventsOf(practice)).map(([type]) => type)).toEqual([
    'connection.broken',
    'connection.restored',
  ]);
});

test('a save closes the circuit of the lane', async () => {
  const practice = await newPractice();
  await opened.database.pool.query(
    `UPDATE lanes SET failures = 9, open_until = now() + interval '1 minute' WHERE id = $1`,
    [practice.laneId],
  );
  await save(practice, { credentials: { bearer_token: 'new' } });
  expect(
    await opened.database.prisma.lane.findUniqueOrThrow({ where: { id: practice.laneId } }),
  ).toMatchObject({
    failures: 0,
    openUntil: null,
  });
});

test('the times of answers are written for many connections at once, and change no state', async () => {
  const [one, other] = [await newPractice(), await newPractice()];
  const [version, otherVersion] = [(await connectionOf(one)).version, (await connectionOf(other)).version];
  await note(other, down);
  const broken = await stateOf(other);
  const before = await stateOf(one);
  await noteSuccesses(opened, [
    { userId: one.userId, version, agoMs: 1_000 },
    { userId: other.userId, version: otherVersion, agoMs: 0 },
  ]);
  expect(await stateOf(one)).toMatchObject({ state: 'connected', since: before?.since, outages: 0 });
  expect((await stateOf(one))?.lastSuccessAt).not.toBeNull();
  expect(await stateOf(other)).toMatchObject({ ...broken, lastSuccessAt: expect.any(Date) });
  const first = (await stateOf(one))?.lastSuccessAt;
  await noteSuccesses(opened, [{ userId: one.userId, version, agoMs: 0 }]);
  expect((await stateOf(one))?.lastSuccessAt).toEqual(first);
});

test('the time of an answer over credentials that were replaced since is not written', async () => {
  const practice = await newPractice();
  const { version } = await connectionOf(practice);
  await save(practice, { credentials: { bearer_token: 'new' } });
  await noteSuccesses(opened, [{ userId: practice.userId, version, agoMs: 0 }]);
  expect((await stateOf(practice))?.lastSuccessAt).toBeNull();
});

test('a connection is doubtful until it is saved with other values; a save with the same ones is in the audit log when it releases', async () => {
  const practice = await newPractice();
  const audited = () =>
    opened.database.prisma.auditEntry.findMany({
      where: { subject: `user:${practice.publicId}`, action: 'user.connect' },
      orderBy: { id: 'asc' },
    });
  await save(practice, { credentials: { bearer_token: 'one' } });
  await note(practice, login);
  const before = (await audited()).length;
  await save(practice, { credentials: { bearer_token: 'one' } });
  const released = await audited();
  expect(released).toHaveLength(before + 1);
  expect(released.at(-1)?.detail).toEqual({ changed: false, login_tried_again: true });
  await note(practice, answered);
  expect(await stateOf(practice)).toMatchObject({ state: 'connected', doubtful: true });
  // Nothing is released now.
  await save(practice, { credentials: { bearer_token: 'one' }, checked: true });
  expect(await audited()).toHaveLength(before + 1);
  expect(await note(practice, login)).toMatchObject({ state: 'degraded', stopped: false });
  expect(await stateOf(practice)).toMatchObject({ rejections: 1 });
  await save(practice, { credentials: { bearer_token: 'two' } });
  expect(await stateOf(practice)).toMatchObject({ doubtful: false, rejections: 0 });
  expect(await note(practice, login)).toMatchObject({ state: 'login_required', stopped: true });
});
