import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase } from '../core/database.ts';
import { listenForJobs } from '../core/listen.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { createAcceptor } from './acceptor.ts';

const PATIENCE = { timeout: 30_000, interval: 20 };
let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const key = (name: string, body = 'body') => ({
  key: name,
  fingerprint: createHash('sha256').update(body).digest(),
});
const count = async (table: string, where: string) => {
  const { rows } = await practice.database.pool.query(
    `SELECT count(*)::int AS n FROM ${table} WHERE ${where}`,
  );
  return rows[0].n as number;
};

test('requests in flight share a statement and each gets its own payment and job', async () => {
  const acceptor = createAcceptor(practice, { maxBatch: 50 });
  const outcomes = await Promise.all(
    Array.from({ length: 120 }, (_, n) => acceptor.accept(practice.input({ referenceNumber: `many-${n}` }))),
  );
  const ids = outcomes.map((outcome) => (outcome.outcome === 'accepted' ? outcome.paymentId : 'none'));
  expect(new Set(ids).size).toBe(120);
  expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
  expect(await count('payments', "reference_number LIKE 'many-%'")).toBe(120);
  expect(
    await count('jobs', "payment_id IN (SELECT id FROM payments WHERE reference_number LIKE 'many-%')"),
  ).toBe(120);

  const mine = outcomes[7];
  const { rows } = await practice.database.pool.query(
    'SELECT job_id, status FROM payments WHERE reference_number = $1',
    ['many-7'],
  );
  expect(rows).toEqual([{ job_id: mine?.outcome === 'accepted' ? mine.jobId : -1, status: 'accepted' }]);
});

test('twenty requests leave at once, and those after them at the end of the turn', async () => {
  const rows: number[] = [];
  const acceptor = createAcceptor({ ...practice, onBatch: (count) => rows.push(count) });
  await Promise.all(Array.from({ length: 25 }, () => acceptor.accept(practice.input({}))));
  expect(rows).toEqual([20, 5]);
});

test('the relays are notified of each accepted payment', async () => {
  // In a database of its own: nothing that another test has accepted is notified of here.
  const own = await openPractice();
  onTestFinished(() => own.close());
  let calls = 0;
  const listener = listenForJobs({
    url: own.url,
    onJobs: () => {
      calls += 1;
    },
  });
  onTestFinished(() => listener.close());
  // The listener calls once when it begins to listen.
  await vi.waitFor(() => expect(calls).toBe(1), { timeout: 20_000 });
  const acceptor = createAcceptor(own);
  for (const expected of [2, 3]) {
    await acceptor.accept(own.input({}));
    await vi.waitFor(() => expect(calls).toBe(expected), { timeout: 20_000 });
  }
});

test('a lone payment notifies in its own commit, and many at once do so in a statement of their own', async () => {
  const texts: string[] = [];
  const { pool } = practice.database;
  const query = (asked: { text: string; values: unknown[] }) => {
    const notifies = asked.values.at(-1) === true;
    texts.push(asked.text.includes('INSERT INTO payments') ? `accept, ${notifies}` : 'nudge');
    return pool.query(asked);
  };
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const acceptor = createAcceptor({ database: { pool: { query: query as never } } });
  await acceptor.accept(practice.input({}));
  // At the same moment: a commit that notifies holds up others that do.
  await acceptor.accept(practice.input({}));
  await vi.waitFor(() => expect(texts).toEqual(['accept, true', 'accept, false', 'nudge']), PATIENCE);
  await Promise.all([acceptor.accept(practice.input({})), acceptor.accept(practice.input({}))]);
  await vi.waitFor(() => expect(texts.slice(3)).toEqual(['accept, false', 'nudge']), PATIENCE);
});

test('an unknown patient, and one without an EMR id, is not found, and its neighbours are accepted', async () => {
  const acceptor = createAcceptor(practice);
  const outcomes = await Promise.all(
    ['MRN-0', 'MRN-1', 'MRN-2'].map((patientMrn) => acceptor.accept(practice.input({ patientMrn }))),
  );
  expect(outcomes.map((outcome) => outcome.outcome)).toEqual([
    'patient_not_found',
    'accepted',
    'patient_not_found',
  ]);
});

test('identical requests with one key, at the same time through two processes, make one payment', async () => {
  const processes = [createAcceptor(practice), createAcceptor(practice)];
  const request = practice.input({ referenceNumber: 'once', idempotency: key('same') });
  const outcomes = await Promise.all(Array.from({ length: 40 }, (_, n) => processes[n % 2]?.accept(request)));
  const accepted = outcomes.filter((outcome) => outcome?.outcome === 'accepted');
  expect(accepted.length).toBe(40);
  expect(
    new Set(accepted.map((outcome) => (outcome?.outcome === 'accepted' ? outcome.paymentId : ''))).size,
  ).toBe(1);
  expect(accepted.filter((outcome) => outcome?.outcome === 'accepted' && !outcome.replayed).length).toBe(1);
  expect(await count('payments', "reference_number = 'once'")).toBe(1);
  // A key that was taken leaves no job behind either.
  expect(
    await count(
      'jobs',
      "kind = 'post_payment' AND NOT EXISTS (SELECT FROM payments WHERE payments.job_id = jobs.id AND payments.id = jobs.payment_id)",
    ),
  ).toBe(0);
});

test('a key with another body is refused; another user may use the same key', async () => {
  const acceptor = createAcceptor(practice);
  await acceptor.accept(practice.input({ idempotency: key('reused') }));
  expect(await acceptor.accept(practice.input({ idempotency: key('reused', 'other') }))).toEqual({
    outcome: 'key_reused',
  });
});

test('a key of a request that was not accepted is not remembered', async () => {
  const acceptor = createAcceptor(practice);
  const missing = practice.input({ patientMrn: 'MRN-0', idempotency: key('later') });
  expect(await acceptor.accept(missing)).toEqual({ outcome: 'patient_not_found' });
  expect(await acceptor.accept(practice.input({ idempotency: key('later', 'other') }))).toMatchObject({
    outcome: 'accepted',
    replayed: false,
  });
});

test('keys claimed in opposite orders by two processes do not deadlock', async () => {
  const processes = [
    createAcceptor(practice, { maxInFlight: 1 }),
    createAcceptor(practice, { maxInFlight: 1 }),
  ];
  for (let round = 0; round < 10; round += 1) {
    const keys = Array.from({ length: 30 }, (_, n) => key(`order-${round}-${n}`));
    const outcomes = await Promise.all([
      ...keys.map((idempotency) => processes[0]?.accept(practice.input({ idempotency }))),
      ...keys.toReversed().map((idempotency) => processes[1]?.accept(practice.input({ idempotency }))),
    ]);
    expect(outcomes.every((outcome) => outcome?.outcome === 'accepted')).toBe(true);
  }
});

test('a row that Postgres cannot take fails alone', async () => {
  const acceptor = createAcceptor(practice);
  const results = await Promise.allSettled([
    acceptor.accept(practice.input({ referenceNumber: 'good' })),
    acceptor.accept(practice.input({ amount: 'nonsense' })),
  ]);
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
  expect(await count('payments', "reference_number = 'good'")).toBe(1);
});

test('a key that cannot be looked up fails alone: what was committed with it is not accepted again', async () => {
  // With one connection, on which the look-up is prepared.
  const database = openDatabase({ url: practice.url, poolSize: 1, applicationName: 'test' });
  onTestFinished(() => database.close());
  const acceptor = createAcceptor({ database });
  const keyed = practice.input({ idempotency: key('looked-up') });
  const first = await acceptor.accept(keyed);
  expect(await acceptor.accept(keyed)).toEqual({ ...first, replayed: true });
  await database.pool.query('DEALLOCATE "find-idempotency-keys"');

  const [again, neighbour] = await Promise.all([
    acceptor.accept(keyed),
    acceptor.accept(practice.input({ referenceNumber: 'neighbour of a key' })),
  ]);
  expect(again).toEqual({ ...first, replayed: true });
  expect(neighbour).toMatchObject({ outcome: 'accepted' });
  expect(await count('payments', "reference_number = 'neighbour of a key'")).toBe(1);
});

test('a batch of which it is unknown whether it was committed is not run again', async () => {
  const { pool } = practice.database;
  const query = async (asked: { text: string; values: unknown[] }) => {
    await pool.query(asked);
    throw Object.assign(new Error('read EHOSTDOWN'), { code: 'EHOSTDOWN', syscall: 'read' });
  };
  const acceptor = createAcceptor({ database: { pool: { query } as unknown as typeof pool } });
  const results = await Promise.allSettled(
    Array.from({ length: 2 }, () => acceptor.accept(practice.input({ referenceNumber: 'unknown' }))),
  );
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  expect(await count('payments', "reference_number = 'unknown'")).toBe(2);
});

test('the deposit date defaults to today in the time zone of the practice', async () => {
  const acceptor = createAcceptor(practice);
  await acceptor.accept(practice.input({ referenceNumber: 'today', depositDate: null }));
  const { rows } = await practice.database.pool.query(
    `SELECT deposit_date = (now() AT TIME ZONE 'America/New_York')::date AS right FROM payments WHERE reference_number = 'today'`,
  );
  expect(rows).toEqual([{ right: true }]);
});
