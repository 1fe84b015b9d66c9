import { afterEach, beforeEach, expect, test } from 'vitest';
import { dropEventPartitions } from '../partitions/drop-event-partitions.ts';
import { partitionCover } from '../partitions/partition-cover.ts';
import { type OpenPast, openPast } from '../testing/open-past.ts';
import { pruneBatch } from './prune.ts';

let past: OpenPast;
beforeEach(async () => {
  past = await openPast();
});
afterEach(() => past.close());

const inDefault = async () =>
  (await partitionCover(past)).filter(({ defaultRows }) => defaultRows > 0).map(({ table }) => table);

test('events of a time whose partitions were dropped are in the default one, and are pruned by row', async () => {
  // Events whose partition is there are left to it, however old they are.
  await past.write(350);
  await past.write(50);
  expect(await pruneBatch(past, { what: 'events', days: 30 })).toBe(0);
  while ((await dropEventPartitions(past, { days: 120 })).length > 0);
  expect(await inDefault()).toEqual([]);
  await past.write(450, { count: 3 });
  expect(await inDefault()).toEqual(['events', 'deliveries', 'delivery_attempts']);
  expect(await pruneBatch(past, { what: 'events', days: 30, limit: 2 })).toBe(2);
  expect(await pruneBatch(past, { what: 'events', days: 30, limit: 2 })).toBe(1);
  expect(await inDefault()).toEqual([]);
  expect(await past.database.prisma.event.count()).toBe(1);
});

test('events from before ids began with the time are pruned by row, also where their random id is of a time to come', async () => {
  await past.write(50, { count: 2 });
  await past.write(3);
  // One in 62 of those ids begins like the ids of now, and half of these are of a time until 2081.
  const moved = await past.session.query(`
    UPDATE delivery_attempts SET event_id = 'evt_0z' || substr(event_id, 7);
    UPDATE deliveries SET event_id = 'evt_0z' || substr(event_id, 7);
    UPDATE events SET id = 'evt_0z' || substr(id, 7)`);
  expect(moved).toHaveLength(3);
  const { rows: of } = await past.session.query('SELECT count(*)::int AS n FROM events_default');
  expect(of).toEqual([{ n: 3 }]);
  // No partition is missing for these.
  expect(await inDefault()).toEqual([]);
  expect(await pruneBatch(past, { what: 'events', days: 30 })).toBe(2);
  expect(await pruneBatch(past, { what: 'events', days: 30 })).toBe(0);
  expect(await past.database.prisma.event.count()).toBe(1);
});
