import { afterAll, beforeAll, expect, test } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { LIST_HOLDS } from '../holds/list-holds.ts';
import { connectUser, createClient } from '../index.ts';
import { buffersOf } from '../testing/buffers-of.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { LIST_BROKEN } from './list-troubled.ts';
import { TAKE_PROBE } from './take-probe.ts';

// In an outage many connections are broken at once, and behind them, and behind others, many jobs wait.

let practice: OpenPractice;
const BROKEN = 30;
/** How many jobs other lanes have: they take 100 pages of 8 KiB. */
const JOBS = 10_000;

const run = (sql: string) => practice.owner.pool.query(sql);

beforeAll(async () => {
  practice = await openPractice();
  const { clientPk } = await createClient(practice, { name: 'Integrator' });
  const connection = { adapter: 'fhir-r5', baseUrl: 'http://127.0.0.1:1', credentials: {}, timeZone: 'UTC' };
  for (let n = 0; n < BROKEN; n += 1)
    await connectUser(practice, {
      ...connection,
      concurrency: 4,
      clientPk,
      name: `Practice ${n}`,
      by: SYSTEM,
    });
  await run(`
    INSERT INTO jobs (kind, lane_id, run_at)
    SELECT 'deliver_webhook', (SELECT id FROM lanes WHERE kind = 'endpoint'), now() + n * interval '1 ms' FROM generate_series(1, ${JOBS}) n`);
  await run(`
    INSERT INTO connection_states (user_id, state, stopped_until)
    SELECT user_id, 'login_required', now() - interval '1 second' FROM connections`);
  await run(`INSERT INTO holds (scope, user_id, started_by) SELECT public_id, id, 'test' FROM users`);
  // Without a vacuum, as in a backlog that has just come.
  await run('ANALYZE');
}, 60_000);
afterAll(() => practice.close());

test.each([
  ['the broken connections', LIST_BROKEN, [null], BROKEN + 1],
  ['the holds', LIST_HOLDS, [], BROKEN + 1],
])('of %s, each costs a few pages, whatever waits elsewhere', async (_name, { text }, values, rows) => {
  expect((await practice.owner.pool.query(text, values)).rowCount).toBe(rows);
  expect((await buffersOf(practice, { text, values })) / rows).toBeLessThan(20);
});

test('the probe of a sync costs a few pages, whatever waits elsewhere', async () => {
  const { text } = TAKE_PROBE;
  expect(await buffersOf(practice, { text, values: [practice.userId, 10_000, 'other'] })).toBeLessThan(40);
});
