import { claimPosting, feedJobs } from '@emr-payments/db';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Operator, operatorOfFile } from '../testing/operator.ts';
import { openPayments, type PaymentsOfTest, unknownPayment } from '../testing/payments.ts';

const openOperator = operatorOfFile();
let operator: Operator;
let payments: PaymentsOfTest;
let userId: string;
beforeEach(async () => {
  operator = await openOperator();
  payments = await openPayments(operator);
  const { database } = operator;
  userId = (await database.prisma.user.findFirstOrThrow({ where: { id: payments.userId } })).publicId;
});
afterEach(() => operator.close());

const SINCE = new Date(Date.now() - 3_600_000).toISOString();

/** Claims the payment that waits, as a worker does. */
async function claim(leaseMs: number): Promise<void> {
  const { database } = operator;
  const [job] = await feedJobs({ database }, 10);
  if (job === undefined) throw new Error('no job was fed');
  await claimPosting({ database }, { jobId: job.id, fence: job.fence, leaseMs });
}

test('a hold is switched on, seen and switched off', async () => {
  const id = await payments.acceptedPayment();
  expect(await operator.ask(['hold', 'status'])).toEqual({ on_hold: false, holds: [] });
  expect(await operator.ask(['hold', 'on', '--reason', 'EMR upgrade'])).toEqual({
    scope: 'all',
    on_hold: true,
    already: false,
  });
  expect(await operator.ask(['hold', 'on', '--user', userId])).toMatchObject({ scope: userId });
  expect(await operator.ask(['hold', 'on'])).toMatchObject({ already: true });
  expect(await operator.ask(['hold', 'status'])).toMatchObject({
    on_hold: true,
    holds: [
      { scope: 'all', reason: 'EMR upgrade', started_by: expect.stringMatching(/^cli:/), waiting: 1 },
      { scope: userId, reason: null, waiting: 1 },
    ],
  });
  expect((await operator.run(['doctor'])).stdout).toMatch(
    /^warn +holds +posting is on hold: all since .* 1 payment waits/m,
  );
  expect((await operator.run(['payment', 'show', id])).stdout).toMatch(/^on_hold +yes$/m);
  expect((await operator.run(['hold', 'off'])).stdout).toBe(
    `The hold for all users has ended. Still on hold: ${userId}.\n`,
  );
  await operator.ask(['hold', 'off', '--user', userId]);
  expect(await operator.run(['hold', 'off'])).toMatchObject({
    code: 4,
    stderr: 'There is no hold for all users.\n',
  });
  expect(await operator.run(['hold', 'on', '--user', 'user_none'])).toMatchObject({ code: 3 });
  expect((await operator.audited()).filter(({ action }) => action.startsWith('hold.'))).toMatchObject([
    { action: 'hold.on', subject: 'hold:all', detail: { reason: 'EMR upgrade' } },
    { action: 'hold.on', subject: `hold:${userId}` },
    { action: 'hold.off', subject: 'hold:all' },
    { action: 'hold.off', subject: `hold:${userId}` },
  ]);
});

test('what a worker has in hand is waited for, and named when the wait is over', async () => {
  const id = await payments.acceptedPayment();
  await claim(60_000);
  const late = await operator.run(['hold', 'on', '--wait', '0']);
  expect(late.code).toBe(1);
  expect(late.stderr).toMatch(/^waiting for 1 payment that a worker has in hand\n/);
  expect(late.stderr).toContain(`Still in flight: 1 payment that a worker has in hand: ${id}.`);
  expect((await operator.run(['hold', 'on', '--wait', '0', '--json'])).json()).toMatchObject({
    still_in_flight: [id],
  });
  await operator.database.pool.query(`UPDATE jobs SET lease_until = now() + interval '300 ms'`);
  const ended = await operator.run(['hold', 'on', '--wait', '20s']);
  expect(ended).toMatchObject({ code: 0 });
});

test('restored puts what is not posted in doubt, under a hold for all users only', async () => {
  const ids = [await payments.acceptedPayment(), await payments.endedPayment('failed')];
  await payments.endedPayment('posted');
  const refused = await operator.run(['restored', '--since', SINCE]);
  expect(refused).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("Run 'emr-payments hold on' first"),
  });
  await operator.ask(['hold', 'on']);
  for (const [since, code] of [
    [new Date(Date.now() + 3_600_000).toISOString(), 4],
    ['2026-01-01T00:00:00Z', 4],
    ['2026-01-01T00:00:00', 2],
    ['24h', 2],
  ] as const) {
    expect((await operator.run(['restored', '--since', since])).code, since).toBe(code);
  }
  expect(await operator.ask(['restored', '--since', SINCE])).toMatchObject({
    since: SINCE,
    in_doubt: { accepted: 1, failed: 1 },
    skipped_jobs: { from: expect.any(Number), to: expect.any(Number) },
    already_finished_at: null,
  });
  expect(await operator.ask(['restored', '--since', SINCE])).toMatchObject({
    in_doubt: {},
    skipped_jobs: null,
    already_finished_at: expect.any(String),
  });
  for (const id of ids) {
    expect((await operator.run(['payment', 'show', id])).stdout).toMatch(/^-1 .* unknown +restored/m);
  }
  expect(await operator.ask(['restored', '--since', '2026-01-01T00:00:00Z', '--yes'])).toMatchObject({
    in_doubt: { accepted: 1, failed: 1 },
  });
});

test("the EMR's entries are compared with the user's payments", async () => {
  const posted = await payments.endedPayment('posted');
  const failed = await payments.endedPayment('failed');
  const [lost, dashed] = [unknownPayment(), await payments.endedPayment('posted')];
  const compare = (input: string) =>
    operator.run(['payment', 'compare', '-', '--user', userId, '--json'], { input });
  const uuid = dashed.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-').toUpperCase();

  const all = await compare(`${posted}\n${failed}\r\n\n${lost}\n${posted}\n${uuid}\n`);
  expect(all.code).toBe(1);
  expect(all.json()).toEqual({
    entries: 4,
    posted: 2,
    unknown: [lost],
    not_posted: [{ payment_id: failed, status: 'failed' }],
    bad_lines: [],
  });
  const csv = await compare(`\uFEFFid,Payment_ID,note\n1,${posted},"a\nb"\n2,${failed},\n`);
  // The integrator was told that the failed one is not in the EMR.
  expect(csv).toMatchObject({ code: 1 });
  expect(csv.json()).toMatchObject({ entries: 2, posted: 1, unknown: [] });
  expect(await compare(`${posted}\n${await payments.endedPayment('needs_review')}`)).toMatchObject({
    code: 0,
  });
  expect((await compare(`${posted}\nnot an id\n`)).json()).toMatchObject({ posted: 1, bad_lines: [2] });
  expect((await compare('a,b\n1,2\n')).json()).toMatchObject({
    error: { message: 'The file has several columns, and none is named payment_id.' },
  });
  expect((await compare('"unclosed\n')).code).toBe(1);
  expect(await operator.run(['payment', 'compare', '/no/such/file', '--user', userId])).toMatchObject({
    code: 1,
    stderr: 'The file cannot be read (ENOENT).\n',
  });
  const none = await compare('payment_id\n');
  expect(none).toMatchObject({ code: 1 });
  expect(none.json()).toMatchObject({ error: { message: 'The file has no payment id.' } });
});

test('a payment of another user is unknown to this one', async () => {
  const posted = await payments.endedPayment('posted');
  const other = await openPayments(operator);
  const { publicId } = await operator.database.prisma.user.findFirstOrThrow({ where: { id: other.userId } });
  const compared = await operator.run(['payment', 'compare', '-', '--user', publicId, '--json'], {
    input: posted,
  });
  expect(compared.json()).toMatchObject({ unknown: [posted] });
});
