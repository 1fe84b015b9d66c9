import { sentence } from '@emr-payments/contracts';
import { beforeEach, expect, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { SYSTEM } from '../audit/entry.ts';
import { listBrokenConnections } from '../health/list-troubled.ts';
import { noteExchange } from '../health/note-exchange.ts';
import { endHold, startHold } from '../holds/switch-hold.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { findConnection } from '../tenants/find-connection.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { measureWork } from './measure-work.ts';

let practice: OpenPractice;
const beginWithPractice = practiceOfFile();
beforeEach(async () => {
  practice = await beginWithPractice();
  const accepted = await createAcceptor(practice).accept(practice.input());
  expect(accepted.outcome).toBe('accepted');
  await practice.owner.pool.query(`UPDATE jobs SET run_at = now() - interval '1 hour'`);
});

const payments = async () => {
  const { jobs, oldestDue } = await measureWork(practice);
  return {
    states: jobs.flatMap(({ kind, state, count }) => (kind === 'post_payment' && count > 0 ? [state] : [])),
    hours: Math.round((oldestDue.find(({ kind }) => kind === 'post_payment')?.seconds ?? 0) / 3_600),
  };
};
const DUE = { states: ['due'], hours: 1 };
const STOPPED = { states: ['stopped'], hours: 0 };

async function breakLogin(code = 'unauthorized'): Promise<void> {
  const connection = await findConnection(practice, practice);
  if (connection === null) throw new Error('there is no connection');
  const detail = sentence`The EMR rejected our credentials.`;
  const exchange = { kind: 'login', code, detail } as const;
  await noteExchange(practice, { connection, exchange, subject: 'payment', agoMs: 0 });
}

test('payments behind a hold or a broken login are counted apart, and are no late work', async () => {
  expect(await payments()).toEqual(DUE);
  for (const scope of ['all', { userId: practice.userId, publicId: practice.publicId }] as const) {
    await startHold(practice, { scope, reason: null, by: SYSTEM });
    expect(await payments()).toEqual(STOPPED);
    await endHold(practice, { scope, by: SYSTEM });
    expect(await payments()).toEqual(DUE);
  }
  await breakLogin();
  expect(await payments()).toEqual(STOPPED);
});

test('a broken connection is neither counted nor listed when its user or its client is disabled', async () => {
  const broken = async () => {
    const { connections, endedLogins } = await measureWork(practice);
    const count = connections.find(({ state }) => state === 'login_required')?.count;
    return [count, endedLogins, (await listBrokenConnections(practice)).length];
  };
  await breakLogin('login_required');
  expect(await broken()).toEqual([1, 1, 1]);
  for (const table of ['users', 'clients']) {
    await practice.owner.pool.query(`UPDATE ${table} SET disabled_at = now()`);
    expect(await broken()).toEqual([0, 0, 0]);
    await practice.owner.pool.query(`UPDATE ${table} SET disabled_at = NULL`);
  }
});

test('a login has ended where only a person can replace it, until a new one is saved', async () => {
  const { pool } = practice.owner;
  const ended = async () => (await measureWork(practice)).endedLogins;
  expect(await ended()).toBe(0);
  await breakLogin('unauthorized');
  expect(await ended()).toBe(0);
  await pool.query('DELETE FROM connection_states');
  await breakLogin('login_required');
  expect(await ended()).toBe(1);
  const elsewhere = { adapter: 'fhir-r5', baseUrl: 'http://127.0.0.1:2', credentials: {} };
  await saveConnection(practice, { ...practice, ...elsewhere, timeZone: 'UTC', concurrency: 4 });
  expect(await ended()).toBe(0);
  await breakLogin('login_required');
  expect(await ended()).toBe(1);
});

const measured = async () => {
  const { jobs, oldestDue, waitingForPlaces } = await measureWork(practice);
  const of = <Row extends { kind: string }>(rows: readonly Row[]) =>
    rows.find(({ kind }) => kind === 'post_payment');
  return {
    counts: Object.fromEntries(
      jobs.flatMap(({ kind, state, count }) =>
        kind === 'post_payment' && count > 0 ? [[state, count]] : [],
      ),
    ),
    waitsForPlaces: of(waitingForPlaces)?.count,
    isLate: (of(oldestDue)?.seconds ?? 0) > 60,
  };
};

async function acceptMore(count: number): Promise<void> {
  const acceptor = createAcceptor(practice);
  await Promise.all(
    Array.from({ length: count }, (_, n) =>
      acceptor.accept(practice.input({ referenceNumber: `#more-${n}` })),
    ),
  );
  await practice.owner.pool.query(`UPDATE jobs SET run_at = now() - interval '1 hour'`);
}

/** Hands jobs to the queue, and lets workers claim so many of them. Marked in the future, they are on their way for as long as the test takes. */
async function feed({
  claimed,
  agoMs,
  limit = 100,
}: {
  claimed: number;
  agoMs: number;
  limit?: number;
}): Promise<number> {
  const fed = await feedJobs(practice, limit);
  const ids = fed.map(({ id }) => id);
  await practice.owner.pool.query(
    `UPDATE jobs SET queued_at = now() - $2 * interval '1 millisecond',
                     lease_until = CASE WHEN id = ANY ($3::bigint[]) THEN now() + interval '10 seconds' END
      WHERE id = ANY ($1::bigint[])`,
    [ids, agoMs, ids.slice(0, claimed)],
  );
  return fed.length;
}

test('jobs behind others of their lane are held back, and more workers would not help them', async () => {
  await acceptMore(9);
  expect(await measured()).toEqual({ counts: { due: 10 }, waitsForPlaces: 0, isLate: true });
  expect(await feed({ claimed: 4, agoMs: 60_000 })).toBe(4);
  expect(await measured()).toEqual({
    counts: { claimed: 4, held_back: 6 },
    waitsForPlaces: 0,
    isLate: false,
  });
});

test('jobs in the queue that no worker has claimed wait for places', async () => {
  await acceptMore(9);
  expect(await feed({ claimed: 1, agoMs: -60_000 })).toBe(4);
  expect(await measured()).toMatchObject({
    counts: { claimed: 1, queued: 3, held_back: 6 },
    waitsForPlaces: 0,
  });
  await practice.owner.pool.query(
    `UPDATE jobs SET queued_at = now() - interval '1 second' WHERE queued_at IS NOT NULL`,
  );
  expect(await measured()).toMatchObject({ waitsForPlaces: 3, isLate: true });
});

test('jobs that the short queue has no room for yet, but their lane has, wait for places too', async () => {
  await acceptMore(9);
  expect(await feed({ claimed: 1, agoMs: -60_000, limit: 2 })).toBe(2);
  // The way through the queue takes as long.
  expect(await measured()).toEqual({
    counts: { claimed: 1, queued: 1, held_back: 8 },
    waitsForPlaces: 0,
    isLate: true,
  });
  await practice.owner.pool.query(
    `UPDATE jobs SET queued_at = now() - interval '1 second' WHERE queued_at IS NOT NULL`,
  );
  expect(await measured()).toEqual({
    counts: { claimed: 1, queued: 1, due: 8 },
    waitsForPlaces: 3,
    isLate: true,
  });
});

const LATER = `now() + interval '1 minute'`;

/** Gives the connection a limit that has a call free, but for these columns. */
function limited(columns: Readonly<Record<string, string>>): string {
  const row = {
    ...{ key: `'k'`, calls: `'{1}'`, per_ms: `'{1000}'`, burst: `'{1}'`, interval_us: `'{1100000}'` },
    ...{ next_slots: 'ARRAY[now()]', feed_slots: 'ARRAY[now()]' },
    ...columns,
  };
  return `
    WITH bucket AS (INSERT INTO rate_buckets (${Object.keys(row)}) VALUES (${Object.values(row)}) RETURNING id)
    UPDATE lanes SET bucket_id = (SELECT id FROM bucket) WHERE kind = 'connection'`;
}

test('jobs behind a limit of requests that has a call free are due', async () => {
  await practice.owner.pool.query(limited({}));
  expect(await payments()).toEqual(DUE);
});

test.each([
  ['an open circuit', `UPDATE lanes SET open_until = now() + interval '1 minute' WHERE kind = 'connection'`],
  ['a rate', `UPDATE lanes SET next_slot = now() + interval '1 minute' WHERE kind = 'connection'`],
  ['a limit of requests that the vendor has paused', limited({ paused_until: LATER })],
  ['a limit of requests that calls have used up', limited({ next_slots: `ARRAY[now(), ${LATER}]` })],
  ['a limit of requests for which payments wait', limited({ wanted_until: LATER })],
])('jobs behind %s are held back', async (_name, sql) => {
  await practice.owner.pool.query(sql);
  expect(await measured()).toEqual({ counts: { held_back: 1 }, waitsForPlaces: 0, isLate: false });
});

test('what does not exist is measured as 0', async () => {
  await practice.owner.pool.query('DELETE FROM jobs');
  const { jobs, openCircuits, holds, waitingForPlaces, reviews } = await measureWork(practice);
  expect(jobs).toHaveLength(18);
  expect([...jobs, ...openCircuits, ...holds, ...waitingForPlaces].map(({ count }) => count)).toEqual(
    Array(18 + 2 + 2 + 3).fill(0),
  );
  expect(reviews).toBe(0);
});

test('payments that wait for a person are counted, and not those that somebody has resolved', async () => {
  const set = (status: string) =>
    practice.owner.pool.query(`UPDATE payments SET status = $1, failure_code = 'outcome_unknown'`, [status]);
  await set('needs_review');
  expect((await measureWork(practice)).reviews).toBe(1);
  await set('failed');
  expect((await measureWork(practice)).reviews).toBe(0);
});

test('payments whose answer repeats are counted from the tenth time on, and no other jobs', async () => {
  const { pool } = practice.owner;
  const lanes = `(kind, lane_id, same_answers) SELECT 'deliver_webhook', id, 10 FROM lanes WHERE kind = 'endpoint'`;
  expect((await pool.query(`INSERT INTO jobs ${lanes}`)).rowCount).toBe(1);
  const repeatingAt = async (answers: number) => {
    await pool.query(`UPDATE jobs SET same_answers = $1 WHERE kind = 'post_payment'`, [answers]);
    return (await measureWork(practice)).repeating;
  };
  expect(await repeatingAt(9)).toBe(0);
  expect(await repeatingAt(10)).toBe(1);
  // Whatever the state of their jobs.
  await feed({ claimed: 1, agoMs: -60_000 });
  expect((await measureWork(practice)).repeating).toBe(1);
});

test('the log that a replication slot keeps is measured by the role of the service', async () => {
  const slot = `measured_${process.pid}`;
  const { pool } = practice.owner;
  await pool.query('SELECT pg_create_physical_replication_slot($1, true)', [slot]);
  try {
    await pool.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))`);
    // What a commit wrote counts once the server has written it out.
    await expect.poll(async () => (await measureWork(practice)).wal.keptForSlots).toBeGreaterThan(90_000);
  } finally {
    await pool.query('SELECT pg_drop_replication_slot($1)', [slot]);
  }
});
