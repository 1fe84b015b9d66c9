import { paymentIdToUuid } from '@emr-payments/contracts';
import { hashSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createAcceptor } from '../accept/acceptor.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { createPractice } from '../testing/practice.ts';
import { findNoticeOwner } from './find-notice-owner.ts';
import { giveNoticeAddress } from './give-notice-address.ts';
import { hastenLookUps } from './hasten-look-ups.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

const by = { actor: 'cli:test', source: 'test' };
const newUser = () => createPractice(practice, { endpoint: null });
const give = (userId: number, rotate = false) => giveNoticeAddress(practice, { userId, rotate, by });
const audited = (publicId: string) =>
  practice.database.prisma.auditEntry.findMany({
    where: { action: 'user.notice_address', subject: `user:${publicId}` },
    orderBy: { id: 'asc' },
  });

test('an address is given once, kept as a hash, and ended by the next', async () => {
  const { userId, publicId, clientPk } = await newUser();
  const first = await give(userId);
  if (first.outcome !== 'given') throw new Error(first.outcome);
  expect(first).toMatchObject({ replaced: false, secret: expect.stringMatching(/^en_[\w-]{32}$/) });
  const owner = { userId, userPublicId: publicId, clientPk, adapter: 'fhir-r5' };
  expect(await findNoticeOwner(practice, first)).toEqual(owner);
  const row = await practice.database.prisma.emrNoticeAddress.findUniqueOrThrow({ where: { userId } });
  expect(Buffer.from(row.secretHash)).toEqual(hashSecret(first.secret));
  expect(await give(userId)).toEqual({ outcome: 'has_one', since: row.createdAt });

  const second = await give(userId, true);
  if (second.outcome !== 'given') throw new Error(second.outcome);
  expect(second.replaced).toBe(true);
  expect(await findNoticeOwner(practice, first)).toBeNull();
  expect(await findNoticeOwner(practice, second)).toEqual(owner);
  expect(await audited(publicId)).toMatchObject([
    { outcome: 'done', detail: { replaced: false } },
    { outcome: 'done', detail: { replaced: true } },
  ]);
});

test('of two at once one is given', async () => {
  const { userId, publicId } = await newUser();
  const outcomes = await Promise.all(Array.from({ length: 6 }, () => give(userId)));
  expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['given', ...Array(5).fill('has_one')]);
  expect(await audited(publicId)).toHaveLength(1);
});

test('a user without a connection gets none', async () => {
  expect(await give(999_999)).toEqual({ outcome: 'no_connection' });
});

/** A payment in this state whose job waits for an hour. */
async function waiting(
  user: Awaited<ReturnType<typeof newUser>>,
  { status, queued = false }: { status: 'submitted' | 'retrying'; queued?: boolean },
): Promise<string> {
  const { database } = practice;
  const accepted = await createAcceptor({ database }).accept(user.input());
  if (accepted.outcome !== 'accepted') throw new Error(accepted.outcome);
  const id = paymentIdToUuid(accepted.paymentId);
  await database.pool.query('UPDATE payments SET status = $2::payment_status WHERE id = $1', [id, status]);
  await database.pool.query(
    `UPDATE jobs SET run_at = now() + interval '1 hour', queued_at = CASE WHEN $2 THEN now() END WHERE payment_id = $1`,
    [id, queued],
  );
  return accepted.paymentId;
}
async function isDue(paymentId: string): Promise<boolean> {
  const { rows } = await practice.database.pool.query<{ due: boolean }>(
    'SELECT run_at <= now() AS due FROM jobs WHERE payment_id = $1',
    [paymentIdToUuid(paymentId)],
  );
  return rows[0]?.due ?? false;
}

test('only the submitted payments of the user are looked up sooner, and the relays are notified', async () => {
  const user = await newUser();
  const other = await newUser();
  const mine = await waiting(user, { status: 'submitted' });
  const foreign = await waiting(other, { status: 'submitted' });
  const unsure = await waiting(user, { status: 'retrying' });
  const running = await waiting(user, { status: 'submitted', queued: true });
  const heard: string[] = [];
  const listener = await practice.owner.pool.connect();
  onTestFinished(() => listener.release(true));
  listener.on('notification', ({ channel }) => heard.push(channel));
  await listener.query(`LISTEN ${JOBS_CHANNEL}`);

  const paymentIds = [mine, foreign, unsure, running, 'f'.repeat(32), "x'; --", '', mine.toUpperCase()];
  expect(await hastenLookUps(practice, { userId: user.userId, paymentIds })).toBe(1);
  expect(await Promise.all([mine, foreign, unsure, running].map(isDue))).toEqual([true, false, false, false]);
  await expect.poll(() => heard).toEqual([JOBS_CHANNEL]);

  // Due already: nothing is written a second time.
  expect(await hastenLookUps(practice, { userId: user.userId, paymentIds })).toBe(0);
  expect(await hastenLookUps(practice, { userId: user.userId, paymentIds: ['nothing'] })).toBe(0);
});

test('at most a hundred payments of one notice count', async () => {
  const user = await newUser();
  const last = await waiting(user, { status: 'submitted' });
  const unknown = Array.from({ length: 100 }, (_, n) => n.toString(16).padStart(32, '0'));
  expect(await hastenLookUps(practice, { userId: user.userId, paymentIds: [...unknown, last] })).toBe(0);
  expect(
    await hastenLookUps(practice, { userId: user.userId, paymentIds: [...unknown.slice(1), last] }),
  ).toBe(1);
});
