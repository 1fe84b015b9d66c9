import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buffersOf } from '../testing/buffers-of.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { writePastPayments } from '../testing/past-payments.ts';
import { createPractice } from '../testing/practice.ts';
import { FIND_KNOWN, findKnownEntries } from './find-known-entries.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const minute = (number: number) => new Date(Date.UTC(2026, 5, 15, 10, number));

/** Writes a payment of a minute of June 15, sent to a place. @returns its id. */
async function write(
  input: {
    minute: number;
    sentTo?: string | null;
    location?: string;
    status?: 'posted' | 'failed' | 'retrying';
    attempt?: string;
  },
  { userId, clientPk }: Pick<OpenPractice, 'userId' | 'clientPk'> = practice,
): Promise<string> {
  const { sentTo = 'here', location = 'Main', status = 'posted', attempt = 'posted' } = input;
  const { pool } = practice.owner;
  const at = minute(input.minute);
  const [payment] = await writePastPayments(pool, { clientPk, userId, endpointId: null, at, status });
  const id = payment?.id ?? '';
  await pool.query('UPDATE payments SET location = $2 WHERE id = $1', [id, location]);
  const values = [id, sentTo, attempt];
  await pool.query('UPDATE posting_attempts SET sent_to = $2, outcome = $3 WHERE payment_id = $1', values);
  return id;
}

const find = async (
  paymentId: string,
  {
    userId = practice.userId,
    leftBy = null,
    settleMs = 0,
  }: { userId?: number; leftBy?: Date | null; settleMs?: number } = {},
) => {
  const asked = { paymentId, userId, place: 'here', limit: 3, leftBy, settleMs };
  return (await findKnownEntries(practice, asked)).map(({ id }) => id);
};

test('the last three that were posted there before it, those of its location first', async () => {
  const other = await createPractice(practice);
  const first = await write({ minute: 1 });
  const second = await write({ minute: 2, location: 'North' });
  const third = await write({ minute: 3 });
  const fourth = await write({ minute: 4, location: 'North' });
  await write({ minute: 5, sentTo: 'elsewhere' });
  await write({ minute: 5, sentTo: null });
  await write({ minute: 5, status: 'failed', attempt: 'refused' });
  await write({ minute: 5, status: 'retrying', attempt: 'unknown' });
  // A person says that it is posted; what was sent never arrived.
  await write({ minute: 5, attempt: 'absent' });
  await write({ minute: 5 }, other);
  const asked = await write({ minute: 6, location: 'North', status: 'retrying', attempt: 'unknown' });
  const later = await write({ minute: 8 });
  await write({ minute: 9, status: 'retrying', attempt: 'unknown' });

  expect(await find(asked)).toEqual([fourth, second, third]);
  expect(await find(third)).toEqual([first, second]);
  expect(await find(first)).toEqual([]);
  expect(await find(asked, { userId: other.userId })).toEqual([]);
  expect(await find(randomUUID())).toEqual([]);
  // One that was sent after the payment can have left, when the EMR must show it by now, is better evidence than all before.
  expect(await find(asked, { leftBy: minute(7) })).toEqual([later, fourth, second]);
  expect(await find(asked, { leftBy: minute(8) })).toEqual([fourth, second, third]);
  const sinceThen = Date.now() - minute(8).getTime();
  expect(await find(asked, { leftBy: minute(7), settleMs: sinceThen + 60_000 })).toEqual([
    fourth,
    second,
    third,
  ]);
  // An older payment that was sent later, because it had to wait.
  expect(await find(fourth, { leftBy: minute(2) })).toEqual([third, later, second]);
  const [entry] = await findKnownEntries(practice, {
    paymentId: second,
    userId: practice.userId,
    place: 'here',
    limit: 1,
    leftBy: null,
    settleMs: 0,
  });
  expect(entry).toEqual({
    id: first,
    emrPatientId: 'p1',
    amount: '12.50',
    depositDate: '2026-06-15',
    sentAt: minute(1),
    leftBy: minute(1),
  });
});

test('it reads little of a big table', async () => {
  const { owner, userId, clientPk } = practice;
  for (let day = 1; day <= 10; day += 1)
    await writePastPayments(owner.pool, {
      clientPk,
      userId,
      endpointId: null,
      at: new Date(Date.UTC(2026, 3, day)),
      count: 1_000,
    });
  await owner.pool.query('ANALYZE payments, posting_attempts');
  const asked = await write({ minute: 30, status: 'retrying', attempt: 'unknown' });
  expect(
    await buffersOf(practice, { text: FIND_KNOWN.text, values: [asked, userId, 'here', 3, minute(29), 0] }),
  ).toBeLessThan(1_500);
});
