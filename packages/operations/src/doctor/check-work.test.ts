import { paymentIdToUuid } from '@emr-payments/contracts';
import { createAcceptor, measureWork } from '@emr-payments/db';
import { createPractice, type Practice } from '@emr-payments/db/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Service, serviceOfFile } from '../testing/service.ts';
import { checkSharedIds, checkWork } from './check-work.ts';

const openService = serviceOfFile();
let service: Service;
let practice: Practice;
beforeEach(async () => {
  service = await openService();
  practice = await createPractice(service, {
    connection: { baseUrl: 'http://127.0.0.1:1', credentials: {} },
    endpoint: { url: 'http://127.0.0.1:1' },
  });
});
afterEach(() => service.close());

const run = (sql: string, values: unknown[] = []) => service.owner.pool.query(sql, values);
const found = () => checkWork(service);

async function accept(): Promise<string> {
  const accepted = await createAcceptor(service).accept(practice.input());
  if (accepted.outcome !== 'accepted') throw new Error('the payment was not accepted');
  return accepted.paymentId;
}
const user = () => practice.publicId;

test('a payment that is due and that nobody takes is named as late when its metric is', async () => {
  await accept();
  expect(await found()).toMatchObject({ state: 'ok' });
  await run(`UPDATE jobs SET run_at = now() - interval '3 hours 1 minute'`);
  const late = (await measureWork(service)).oldestDue.find(({ kind }) => kind === 'post_payment');
  expect(late?.seconds).toBeGreaterThan(60);
  expect(await found()).toEqual({
    state: 'failed',
    found: expect.stringMatching(`^a payment of ${user()} has been due for 3 h, and nothing but the workers`),
  });
  // Handed to the queue, and not claimed.
  await run(`UPDATE jobs SET queued_at = now()`);
  expect(await found()).toMatchObject({ state: 'failed', found: expect.stringContaining('due for 3 h') });
  // Behind an open circuit it is not late, and neither is it in the metric.
  await run(`UPDATE jobs SET queued_at = NULL`);
  await run(`UPDATE lanes SET open_until = now() + interval '1 minute'`);
  expect(await found()).toMatchObject({ state: 'ok' });
});

test('a payment that a worker has held for long is named', async () => {
  const id = await accept();
  const hold = (since: string) =>
    run(`UPDATE jobs SET queued_at = now() - $1::interval, lease_until = now() + interval '10 seconds'`, [
      since,
    ]);
  await hold('5 minutes');
  expect(await found()).toMatchObject({ state: 'ok' });
  await hold('11 minutes 30 seconds');
  expect(await found()).toEqual({
    state: 'warn',
    found: expect.stringMatching(
      `^the payment ${id} of ${user()} is being posted for 11 min: see the worker`,
    ),
  });
});

test('an event that is undelivered for an hour is named with its endpoint, unless a recovery sends it', async () => {
  await accept();
  const { rows } = await run('SELECT id, lane_id FROM webhook_endpoints');
  const [endpoint] = rows;
  await run(`DELETE FROM jobs`);
  await run(`INSERT INTO events (id, client_pk, type, body) VALUES ('evt_0a', $1, 'payment.created', '{}')`, [
    practice.clientPk,
  ]);
  await run(
    `INSERT INTO deliveries (event_id, endpoint_id, event_type, created_at) VALUES ('evt_0a', $1, 'payment.created', now() - interval '5 hours 1 minute')`,
    [endpoint.id],
  );
  await run(
    `INSERT INTO jobs (kind, lane_id, event_id, delivery_id, run_at) SELECT 'deliver_webhook', $1, event_id, id, now() + interval '1 hour' FROM deliveries`,
    [endpoint.lane_id],
  );
  expect(await found()).toEqual({
    state: 'warn',
    found: expect.stringMatching(
      `^the event evt_0a is undelivered for 5 h at the endpoint ${endpoint.id}: tell its client`,
    ),
  });
  await run(`UPDATE webhook_endpoints SET failing_since = '2026-06-15T10:30:00Z'`);
  expect((await found()).found).toContain(', which fails since 2026-06-15T10:30:00.000Z: ');
  await run(`UPDATE deliveries SET created_at = now() - interval '50 minutes'`);
  expect(await found()).toMatchObject({ state: 'ok' });
  await run(`UPDATE deliveries SET created_at = now() - interval '5 hours 1 minute', recovery_id = 'r'`);
  expect(await found()).toMatchObject({ state: 'ok' });
});

test('the payment that has waited for a person for longest is named, with how many wait', async () => {
  const [first, second] = [await accept(), await accept()];
  await run('DELETE FROM jobs');
  const review = (id: string, ago: string) =>
    run(
      `UPDATE payments SET status = 'needs_review', failure_code = 'outcome_unknown', settled_at = now() - $2::interval WHERE id = $1`,
      [paymentIdToUuid(id), ago],
    );
  await review(first, '2 hours');
  await review(second, '3 days 1 hour');
  expect(await found()).toEqual({
    state: 'warn',
    found: `2 payments wait for a person, ${second} of ${user()} for 3 days: look into the EMR, then payment resolve (payment list --user ${user()} --status needs_review)`,
  });
  await run(`UPDATE payments SET status = 'failed'`);
  expect(await found()).toMatchObject({ state: 'ok' });
});

test('payments with one id of the same EMR are named, and those of another EMR or user are not', async () => {
  const ids = [await accept(), await accept(), await accept()];
  const place = (id: string, sentTo: string) =>
    run(`INSERT INTO posting_attempts (payment_id, number, sent_to, outcome) VALUES ($1, 1, $2, 'posted')`, [
      paymentIdToUuid(id),
      sentTo,
    ]);
  for (const [n, id] of ids.entries()) {
    await place(id, 'https://emr.example');
    await run(`UPDATE payments SET status = 'posted', emr_transaction_id = $2 WHERE id = $1`, [
      paymentIdToUuid(id),
      `t${n}`,
    ]);
  }
  expect(await checkSharedIds(service)).toMatchObject({ state: 'ok' });
  await run(`UPDATE payments SET emr_transaction_id = '13969262'`);
  expect(await checkSharedIds(service)).toEqual({
    state: 'warn',
    found: expect.stringContaining(
      `13969262 of ${user()} (${ids.toSorted().join(', ')}). Count the entries in the EMR`,
    ),
  });
  // The connection of the user was replaced by one to another EMR between the payments.
  await run('UPDATE posting_attempts SET sent_to = payment_id::text');
  expect(await checkSharedIds(service)).toMatchObject({ state: 'ok' });
  await run(`UPDATE posting_attempts SET sent_to = 'x'`);
  await run('UPDATE payments SET user_id = job_id');
  expect(await checkSharedIds(service)).toMatchObject({ state: 'ok' });
});
