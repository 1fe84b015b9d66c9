import { afterAll, beforeAll, expect, test } from 'vitest';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { forgetEndedLogins } from './ended-logins.ts';
import { findOldTokens, removeOldTokens } from './old-tokens.ts';

let practice: OpenPractice;
beforeAll(async () => {
  practice = await openPractice();
});
afterAll(() => practice.close());

type Row = {
  key: string;
  createdDaysAgo: number;
  /** null: it was never renewed. */
  renewedDaysAgo?: number | null;
  /** Seconds until the lease ends, negative when it has ended; null: none. */
  leaseSeconds?: number | null;
  state?: 'good' | 'login_required';
};

const write = ({ key, createdDaysAgo, renewedDaysAgo = null, leaseSeconds = null, state = 'good' }: Row) =>
  practice.database.pool.query(
    `INSERT INTO emr_tokens (key, created_at, obtained_at, lease_until, state)
     VALUES ($1, now() - make_interval(days => $2), now() - make_interval(days => $3), now() + make_interval(secs => $4), $5)
     ON CONFLICT (key) DO UPDATE SET obtained_at = excluded.obtained_at, lease_until = excluded.lease_until`,
    [key, createdDaysAgo, renewedDaysAgo, leaseSeconds, state],
  );
const left = async () => {
  const rows = await practice.database.prisma.emrToken.findMany({ orderBy: { key: 'asc' } });
  return rows.map(({ key }) => key);
};

test('old is a row without a renewal for so long, which nobody renews now', async () => {
  await write({ key: 'never renewed', createdDaysAgo: 91 });
  await write({ key: 'renewed long ago', createdDaysAgo: 200, renewedDaysAgo: 91 });
  await write({ key: 'renewer died', createdDaysAgo: 200, renewedDaysAgo: 91, leaseSeconds: -1 });
  await write({ key: 'in use for years', createdDaysAgo: 900, renewedDaysAgo: 1 });
  await write({ key: 'being renewed', createdDaysAgo: 200, renewedDaysAgo: 91, leaseSeconds: 60 });
  await write({ key: 'being made', createdDaysAgo: 91, leaseSeconds: 60 });
  await write({ key: 'new', createdDaysAgo: 89 });
  const old = await findOldTokens(practice, { days: 90 });
  expect(old.sort()).toEqual(['never renewed', 'renewed long ago', 'renewer died']);
});

test('a row that is renewed or leased after it was found is not removed', async () => {
  await practice.database.prisma.emrToken.deleteMany();
  for (const key of ['idle', 'leased', 'renewed', 'used'])
    await write({ key, createdDaysAgo: 200, renewedDaysAgo: 91 });
  const keys = (await findOldTokens(practice, { days: 90 })).filter((key) => key !== 'used');
  await write({ key: 'leased', createdDaysAgo: 200, renewedDaysAgo: 91, leaseSeconds: 60 });
  await write({ key: 'renewed', createdDaysAgo: 200, renewedDaysAgo: 0 });
  expect(await removeOldTokens(practice, { days: 90, keys })).toBe(1);
  expect(await left()).toEqual(['leased', 'renewed', 'used']);
});

test('an ended login is forgotten unless somebody tries it again now; a good one and others never', async () => {
  await practice.database.prisma.emrToken.deleteMany();
  const state = 'login_required';
  await write({ key: 'ended', createdDaysAgo: 1, state });
  await write({ key: 'ended, its renewer died', createdDaysAgo: 1, leaseSeconds: -1, state });
  await write({ key: 'ended, tried again', createdDaysAgo: 1, leaseSeconds: 60, state });
  await write({ key: 'good', createdDaysAgo: 1 });
  const keys = await left();
  await write({ key: "another connection's", createdDaysAgo: 1, state });
  await forgetEndedLogins(practice, { keys });
  expect(await left()).toEqual(["another connection's", 'ended, tried again', 'good']);
});
