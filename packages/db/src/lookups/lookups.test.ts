import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findConnection } from '../tenants/find-connection.ts';
import { saveConnection } from '../tenants/save-connection.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { pruneBatch } from '../upkeep/prune.ts';
import { answerLookUp, type LookUpAnswer, leaveLookUp } from './answer-look-up.ts';
import { forgetNoes } from './forget-noes.ts';
import { type JoinedLookUp, joinLookUp } from './join-look-up.ts';
import { readLookUps } from './read-look-ups.ts';
import { recallNo } from './recall-no.ts';

let practice: OpenPractice;
let version: string;
beforeAll(async () => {
  practice = await openPractice();
  version = (await findConnection(practice, practice))?.version ?? '';
});
afterAll(() => practice.close());

const sql = async (text: string) => (await practice.owner.pool.query(text)).rows;
beforeEach(() => sql('TRUNCATE patient_lookups'));

type Change = { userId?: number; connectionVersion?: string; leaseMs?: number };
const question = (mrn: string, change: Change = {}) => ({
  ...{ userId: practice.userId, connectionVersion: version, mrn },
  ...change,
});
const join = (mrn: string, change: Change = {}) =>
  joinLookUp(practice, { leaseMs: 60_000, ...question(mrn, change) });

/** Joins a line with a question of its own. */
async function asking(mrn: string, change: Change = {}) {
  const joined = await join(mrn, change);
  if (joined.outcome !== 'joined' || !joined.ours) throw new Error(`not ours: ${JSON.stringify(joined)}`);
  return { ...question(mrn, change), id: joined.id };
}
const NONE = { cause: 'none' } as const;
async function answered(mrn: string, answer: LookUpAnswer = NONE, change: Change = {}): Promise<void> {
  await answerLookUp(practice, { ...(await asking(mrn, change)), answer });
}
const aheadOf = (joined: JoinedLookUp[]) =>
  joined.map((one) => (one.outcome === 'joined' ? one.ahead : null)).sort();

describe('a line', () => {
  test('gives each question its place, also to those that come at the same moment', async () => {
    const joined = await Promise.all(Array.from({ length: 6 }, (_, n) => join(`M${n}`)));
    expect(aheadOf(joined)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('has one question for an MRN, and everybody who waits for it gets its answer', async () => {
    const place = await asking('M');
    expect(await join('M')).toMatchObject({ outcome: 'joined', ours: false, id: place.id });
    expect((await readLookUps(practice, [place])).get(place.id)).toEqual({ answer: null, ahead: 0 });
    await answerLookUp(practice, { ...place, answer: { cause: 'found', emrPatientId: 'p7' } });
    expect((await readLookUps(practice, [place])).get(place.id)).toEqual({
      answer: { cause: 'found', emrPatientId: 'p7' },
    });
    // The next one asks again: it was not stored.
    const stored = await asking('M');
    await answerLookUp(practice, { ...stored, answer: { cause: 'found', emrPatientId: null } });
    // One that looked at the patients before this was stored, and comes now, gets the answer.
    expect(await join('M')).toMatchObject({ outcome: 'joined', ours: false, id: stored.id });
    await sql(`UPDATE patient_lookups SET asked_at = now() - interval '11 seconds'`);
    await asking('M');
  });

  test('moves on when a question is answered, left, or its process has died', async () => {
    const first = await asking('A');
    const second = await asking('B');
    await asking('C', { leaseMs: 0 });
    const last = await asking('D');
    const ahead = async () => (await readLookUps(practice, [last])).get(last.id);
    expect(await ahead()).toEqual({ answer: null, ahead: 2 });
    await answerLookUp(practice, { ...first, answer: NONE });
    expect(await ahead()).toEqual({ answer: null, ahead: 1 });
    await leaveLookUp(practice, second);
    expect(await ahead()).toEqual({ answer: null, ahead: 0 });
  });

  test('gives the question of a process that has died to the next one', async () => {
    const dead = await asking('M', { leaseMs: 0 });
    expect(await readLookUps(practice, [dead])).toEqual(new Map());
    expect((await asking('M')).id).not.toBe(dead.id);
  });

  test('is that of one user, and a question over another version of the connection is another one', async () => {
    const place = await asking('M');
    expect(await asking('M', { userId: practice.userId + 1 })).not.toMatchObject({ id: place.id });
    expect(await join('N', { userId: practice.userId + 1 })).toMatchObject({ ahead: 1 });
    const later = { connectionVersion: '2999-01-01 00:00:00+00' };
    expect(await join('M', later)).toMatchObject({ ours: true, ahead: 1 });
    const stranger = { ...place, userId: practice.userId + 1 };
    expect(await readLookUps(practice, [stranger])).toEqual(new Map());
    await answerLookUp(practice, { ...stranger, answer: NONE });
    await leaveLookUp(practice, stranger);
    expect((await readLookUps(practice, [place])).get(place.id)).toEqual({ answer: null, ahead: 0 });
  });
});

test('after a crash of PostgreSQL, which begins the numbers again, the answer to one question is not that to another one', async () => {
  const before = await asking('A');
  // As the crash does: https://www.postgresql.org/docs/current/sql-createtable.html (UNLOGGED)
  await practice.owner.pool.query('TRUNCATE patient_lookups RESTART IDENTITY');
  await sql(`SELECT setval('patient_lookups_id_seq', ${before.id}, false)`);
  const place = await asking('B');
  expect(place.id).toBe(before.id);
  await answerLookUp(practice, { ...before, answer: { cause: 'found', emrPatientId: 'patient-of-A' } });
  await leaveLookUp(practice, before);
  expect((await readLookUps(practice, [before, place])).get(place.id)).toEqual({ answer: null, ahead: 0 });
  const later = { ...place, connectionVersion: '2999-01-01 00:00:00+00' };
  await answerLookUp(practice, { ...later, answer: NONE });
  expect(await readLookUps(practice, [before, later])).toEqual(new Map());
  expect((await join('B')).outcome).toBe('joined');
});

describe('a "no"', () => {
  test.each(['none', 'several', 'closed'] as const)('%s is remembered for a minute', async (cause) => {
    expect(await recallNo(practice, question('M'))).toBe(false);
    await answered('M', { cause });
    expect([await recallNo(practice, question('M')), await join('M')]).toEqual([
      true,
      { outcome: 'remembered' },
    ]);
    for (const other of [
      question('m'),
      question('M', { userId: practice.userId + 1 }),
      question('M', { connectionVersion: '2999-01-01 00:00:00+00' }),
    ])
      expect(await recallNo(practice, other)).toBe(false);
    await sql(`UPDATE patient_lookups SET asked_at = now() - interval '61 seconds'`);
    expect(await recallNo(practice, question('M'))).toBe(false);
    // The clock of the database was set back.
    await sql(`UPDATE patient_lookups SET asked_at = now() + interval '1 hour'`);
    expect(await recallNo(practice, question('M'))).toBe(false);
    await asking('M');
  });

  test('is void once the connection is saved, also as it was, and those of other users stay', async () => {
    await answered('M');
    await answered('M', NONE, { userId: practice.userId + 1 });
    await saveConnection(practice, {
      ...{ userId: practice.userId, adapter: 'fhir-r5', baseUrl: 'http://127.0.0.1:3', credentials: {} },
      ...{ timeZone: 'America/New_York', concurrency: 4 },
    });
    version = (await findConnection(practice, practice))?.version ?? '';
    await answered('M');
    const again = await saveConnection(practice, {
      ...{ userId: practice.userId, adapter: 'fhir-r5', baseUrl: 'http://127.0.0.1:3', credentials: {} },
      ...{ timeZone: 'America/New_York', concurrency: 4 },
    });
    expect([again.written, await recallNo(practice, question('M'))]).toEqual([false, false]);
    expect(await sql('SELECT user_id FROM patient_lookups')).toEqual([{ user_id: practice.userId + 1 }]);
  });

  test('of some MRNs is forgotten, and the questions that are under way stay', async () => {
    await answered('A');
    await answered('B');
    await answered('A', NONE, { userId: practice.userId + 1 });
    const place = await asking('C');
    await forgetNoes(practice, { userId: practice.userId, mrns: ['A', 'C'] });
    expect(await Promise.all(['A', 'B'].map((mrn) => recallNo(practice, question(mrn))))).toEqual([
      false,
      true,
    ]);
    expect(await recallNo(practice, question('A', { userId: practice.userId + 1 }))).toBe(true);
    expect((await readLookUps(practice, [place])).size).toBe(1);
  });

  test('is no MRN that could be read', async () => {
    await answered('mrn-of-the-test');
    expect(JSON.stringify(await sql('SELECT * FROM patient_lookups'))).not.toContain('mrn-of-the-test');
  });
});

const UNKNOWN = { cause: 'unknown', reason: 'Late.' as never, retryAfterMs: 1.5 } as const;

test('an answer that says nothing is for those who wait, and the next one asks again', async () => {
  const place = await asking('M');
  await answerLookUp(practice, { ...place, answer: UNKNOWN });
  expect((await readLookUps(practice, [place])).get(place.id)).toEqual({
    answer: { ...UNKNOWN, retryAfterMs: 2 },
  });
  expect(await recallNo(practice, question('M'))).toBe(false);
  await asking('M');
});

test('a connection may ask sixty times a minute without finding anybody; who is found, and what was not asked, does not count', async () => {
  for (let n = 0; n < 59; n += 1) await answered(`M${n}`, n % 2 === 0 ? NONE : UNKNOWN);
  await answered('found', { cause: 'found', emrPatientId: null });
  await answered('limit', { ...UNKNOWN, cause: 'not_asked' });
  await answered('last');
  const used = await join('N');
  expect(used).toEqual({ outcome: 'used_up', retryAfterMs: expect.any(Number) });
  expect(used.outcome === 'used_up' && used.retryAfterMs).toBeGreaterThan(30_000);
  expect(used.outcome === 'used_up' && used.retryAfterMs).toBeLessThanOrEqual(60_000);
  expect(await join('last')).toEqual({ outcome: 'remembered' });
  await asking('N', { userId: practice.userId + 1 });
  await sql(
    `UPDATE patient_lookups SET asked_at = asked_at - interval '61 seconds' WHERE id = (SELECT min(id) FROM patient_lookups)`,
  );
  await asking('N');
});

test('what is older than a minute is removed by the next question, and by upkeep', async () => {
  await answered('A');
  await answered('A', NONE, { userId: practice.userId + 1 });
  await sql(
    `UPDATE patient_lookups SET asked_at = now() - interval '61 seconds', lease_until = now() - interval '55 seconds'`,
  );
  await asking('B');
  expect(await sql('SELECT user_id AS u FROM patient_lookups ORDER BY 1')).toEqual([
    { u: practice.userId },
    { u: practice.userId + 1 },
  ]);
  expect(await pruneBatch(practice, { what: 'patient_lookups', days: 0 })).toBe(1);
  expect(await sql('SELECT user_id AS u FROM patient_lookups')).toEqual([{ u: practice.userId }]);
});
