import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { feedJobs } from './feed-jobs.ts';

let practice: OpenPractice;
const begin = practiceOfFile();
beforeEach(async () => {
  practice = await begin({ concurrency: 100 });
});

const sql = async (text: string) => (await practice.database.pool.query(text)).rows;
const limit = (rate: number) =>
  sql(`UPDATE lanes SET rate_per_second = ${rate} WHERE id = ${practice.laneId}`);
const fed = async () => (await feedJobs({ database: practice.database }, 500)).length;

/** Moves the lane's last feeding this many seconds into the past. */
const pass = (seconds: number) =>
  sql(`UPDATE lanes SET next_slot = next_slot - interval '${seconds} seconds' WHERE id = ${practice.laneId}`);

async function accept(howMany: number): Promise<void> {
  const acceptor = createAcceptor(practice);
  await Promise.all(Array.from({ length: howMany }, () => acceptor.accept(practice.input())));
}

test('a lane with a rate gets a second’s worth at once, and then what its rate allows', async () => {
  await accept(60);
  await limit(10);
  expect(await fed()).toBe(10);
  // Slots of the time that the statements themselves take; the machine may be slow.
  await sql(`UPDATE lanes SET next_slot = now() + interval '10 seconds' WHERE id = ${practice.laneId}`);
  expect(await fed()).toBe(0);
  await sql(`UPDATE lanes SET next_slot = now() - interval '0.45 seconds' WHERE id = ${practice.laneId}`);
  expect(await fed()).toBeGreaterThanOrEqual(5);
  // Time that was not used is not saved up beyond a second.
  await pass(3600);
  expect(await fed()).toBe(10);
});

test('a rate below one a second gives one at a time', async () => {
  await accept(3);
  await limit(0.5);
  expect(await fed()).toBe(1);
  const [lane] = await sql(
    `SELECT extract(epoch FROM next_slot - now())::float8 AS wait FROM lanes WHERE id = ${practice.laneId}`,
  );
  expect(lane.wait).toBeGreaterThan(0);
  expect(lane.wait).toBeLessThanOrEqual(2);
  await pass(2);
  expect(await fed()).toBe(1);
});

test('two feeders share the rate', async () => {
  await accept(40);
  await limit(5);
  const counts = await Promise.all(Array.from({ length: 6 }, fed));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(7);
});

test('feeding writes nothing to a lane without a rate', async () => {
  await accept(5);
  expect(await fed()).toBe(5);
  expect(await sql('SELECT DISTINCT next_slot FROM lanes')).toEqual([{ next_slot: null }]);
});
