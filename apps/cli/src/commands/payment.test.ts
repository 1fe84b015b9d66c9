import { paymentIdToUuid } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Operator, openOperator } from '../testing/operator.ts';
import { openPayments, type PaymentsOfTest, unknownPayment } from '../testing/payments.ts';

let operator: Operator;
let practice: PaymentsOfTest;
beforeAll(async () => {
  operator = await openOperator();
  practice = await openPayments(operator);
});
afterAll(() => operator.close());

const NOTE = ['--note', 'Looked at the day sheet.'];

test('show gives every field, to people and to programs', async () => {
  const id = await practice.endedPayment('failed');
  const shown = await operator.run(['payment', 'show', paymentIdToUuid(id)]);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/^failure_code +unknown_location$/m);
  expect(shown.stdout).toMatch(/^action +Use one of the locations/m);
  expect(await operator.ask(['payment', 'show', id])).toMatchObject({
    payment_id: id,
    client_id: practice.clientId,
    status: 'failed',
    amount: '350.00',
    deposit_date: '2026-06-15',
    attempts: [],
    events: [{ type: 'payment.failed', deliveries: [] }],
  });
});

test('list and show say why a payment is still open, and when it is tried next', async () => {
  const waiting = await practice.acceptedPayment();
  const failed = await practice.endedPayment('failed');
  const { publicId } = await operator.database.prisma.user.findUniqueOrThrow({
    where: { id: practice.userId },
  });
  await operator.database.pool.query(
    `UPDATE jobs SET tries = 3, last_code = 'unauthorized', last_reason = 'The EMR rejected our credentials (HTTP 401).',
            run_at = '2026-06-15T10:00:00Z' WHERE payment_id = $1`,
    [paymentIdToUuid(waiting)],
  );
  // The circuit of the lane is open for longer than the payment itself has to wait.
  await operator.database.pool.query(
    `UPDATE lanes SET open_until = '2026-06-15T11:00:00Z' WHERE kind = 'connection'`,
  );
  const list = ['payment', 'list', '--user', publicId];
  const answer = { code: 'unauthorized', reason: 'The EMR rejected our credentials (HTTP 401).' };
  const next = '2026-06-15T11:00:00.000Z';
  expect(await operator.ask([...list, '--status', 'accepted', '--limit', '1'])).toEqual({
    payments: [expect.objectContaining({ payment_id: waiting, tries: 3, next_try_at: next, ...answer })],
  });
  expect(await operator.ask([...list, '--status', 'failed', 'posted', '--limit', '1'])).toMatchObject({
    payments: [{ payment_id: failed, tries: null, next_try_at: null, code: 'unknown_location' }],
  });
  expect((await operator.run(list)).stdout).toContain(answer.reason);
  expect(await operator.ask(['payment', 'show', waiting])).toMatchObject({
    waiting_code: answer.code,
    waiting_reason: answer.reason,
    tries: 3,
    next_try_at: next,
  });
  expect(await operator.run(['payment', 'list', '--user', 'user_none'])).toMatchObject({ code: 3 });
  expect(await operator.run([...list, '--status', 'lost'])).toMatchObject({ code: 2 });
});

test('retry: only from failed, with the same id and a corrected location', async () => {
  const id = await practice.endedPayment('failed');
  const retried = await operator.ask(['payment', 'retry', id, '--location', 'Main Street']);
  expect(retried).toEqual({ payment_id: id, job_id: expect.any(Number), status: 'accepted' });
  expect(await operator.ask(['payment', 'show', id])).toMatchObject({
    status: 'accepted',
    location: 'Main Street',
    payment_method: 'Card',
    failure_code: null,
  });
  expect(await operator.run(['payment', 'retry', id])).toMatchObject({
    code: 4,
    stderr: `The payment ${id} is accepted: it is in progress; wait until it has ended.\n`,
  });
  const review = await practice.endedPayment('needs_review');
  expect(await operator.run(['payment', 'retry', review])).toMatchObject({
    code: 4,
    stderr: `The payment ${review} is needs_review: look in the EMR, then resolve it.\n`,
  });
  expect(await operator.run(['payment', 'retry', unknownPayment()])).toMatchObject({ code: 3 });
  expect(await operator.run(['payment', 'retry', '12'])).toMatchObject({ code: 2 });
});

test('resolve: once, by what a person found, with a note', async () => {
  const there = await practice.endedPayment('needs_review');
  const resolve = ['payment', 'resolve', there];
  expect(await operator.run([...resolve, '--not-posted'])).toMatchObject({ code: 2 });
  expect(await operator.run([...resolve, ...NOTE])).toMatchObject({ code: 2 });
  expect(await operator.run([...resolve, ...NOTE, '--posted', '7', '--not-posted'])).toMatchObject({
    code: 2,
  });
  expect(await operator.ask([...resolve, ...NOTE, '--posted', '13969262'])).toEqual({
    payment_id: there,
    status: 'posted',
    event_id: expect.stringMatching(/^evt_/),
  });
  expect(await operator.ask(['payment', 'show', there])).toMatchObject({
    status: 'posted',
    emr_transaction_id: '13969262',
    failure_code: null,
    events: [{ type: 'payment.failed' }, { type: 'payment.created', deliveries: [{ status: 'pending' }] }],
  });
  expect(await operator.run([...resolve, ...NOTE, '--not-posted'])).toMatchObject({ code: 4 });

  const absent = await practice.endedPayment('needs_review');
  expect(await operator.run(['payment', 'resolve', absent, ...NOTE, '--not-posted'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('is failed; event evt_'),
  });
  expect(await operator.ask(['payment', 'retry', absent])).toMatchObject({ status: 'accepted' });
  const entries = (await operator.audited()).filter(({ subject }) => subject === `payment:${absent}`);
  expect(entries).toMatchObject([
    { action: 'payment.resolve', detail: { outcome: 'not_posted', note: 'Looked at the day sheet.' } },
    { action: 'payment.retry' },
  ]);
});

test('webhook and event: disabled endpoints get nothing, a redelivery goes to the enabled ones', async () => {
  const { endpointId, clientId } = practice;
  const review = await practice.endedPayment('needs_review');
  expect(await operator.run(['webhook', 'disable', endpointId])).toMatchObject({ code: 0 });
  expect(await operator.run(['webhook', 'disable', endpointId])).toMatchObject({ code: 4 });
  expect(await operator.ask(['webhook', 'list', '--client', clientId])).toMatchObject({
    endpoints: [{ endpoint_id: endpointId, disabled_reason: 'The operator of this service disabled it.' }],
  });
  const { event_id } = await operator.ask<{ event_id: string }>([
    ...['payment', 'resolve', review, ...NOTE, '--not-posted'],
  ]);
  expect(await operator.run(['event', 'redeliver', event_id])).toMatchObject({ code: 4 });

  expect(await operator.ask(['webhook', 'enable', endpointId])).toEqual({
    endpoint_id: endpointId,
    enabled: true,
  });
  expect(await operator.run(['webhook', 'enable', endpointId])).toMatchObject({ code: 4 });
  expect(await operator.ask(['event', 'redeliver', event_id])).toEqual({
    event_id,
    endpoint_ids: [endpointId],
  });
  expect(await operator.run(['event', 'redeliver', event_id])).toMatchObject({ code: 4 });
  expect(await operator.run(['event', 'redeliver', 'evt_nothing'])).toMatchObject({ code: 3 });
  expect(await operator.run(['webhook', 'enable', 'we_nothing'])).toMatchObject({ code: 3 });
});
