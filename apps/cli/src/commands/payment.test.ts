import { paymentIdToUuid } from '@emr-payments/contracts';
import { emrTextRow } from '@emr-payments/db';
import { open, parseKeyring, seal } from '@emr-payments/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newKey, type Operator, openOperator } from '../testing/operator.ts';
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
    has_more: false,
    broken_connection: null,
  });
  expect(await operator.ask([...list, '--status', 'failed', 'posted', '--limit', '1'])).toMatchObject({
    payments: [
      {
        payment_id: failed,
        emr_transaction_id: null,
        tries: null,
        next_try_at: null,
        code: 'unknown_location',
      },
    ],
  });
  expect((await operator.run(list)).stdout).toContain(answer.reason);
  // A list that was cut says so: it could be taken for all that there is.
  expect(await operator.ask([...list, '--limit', '1'])).toMatchObject({
    payments: [{ payment_id: failed }],
    has_more: true,
  });
  expect((await operator.run([...list, '--limit', '1'])).stdout).toContain('There are older ones');
  expect((await operator.run([...list, '--limit', '1000'])).stdout).not.toContain('There are older ones');
  expect(await operator.ask(['payment', 'show', waiting])).toMatchObject({
    waiting_code: answer.code,
    waiting_reason: answer.reason,
    tries: 3,
    next_try_at: next,
  });
  expect(await operator.run(['payment', 'list', '--user', 'user_none'])).toMatchObject({ code: 3 });
  expect(await operator.run([...list, '--status', 'lost'])).toMatchObject({ code: 2 });
});

const PATIENT = 'JANE DOE 1970-01-01 has no balance';

/** A failed payment with two attempts, about the second of which the EMR gave words of its own. */
async function refusedPayment(): Promise<string> {
  const id = await practice.endedPayment('failed');
  const paymentId = paymentIdToUuid(id);
  const keyring = parseKeyring(operator.env.ENCRYPTION_KEYS ?? '');
  const emrText = seal(keyring, emrTextRow({ paymentId, number: 3 }), PATIENT);
  await operator.database.prisma.postingAttempt.createMany({
    data: [
      { paymentId, number: 1, outcome: 'not_sent', code: 'timeout' },
      { paymentId, number: 3, outcome: 'refused', code: 'emr_refused', emrText },
    ],
  });
  return id;
}

test("show --emr-detail opens the EMR's own words, and the audit log says who read them", async () => {
  const id = await refusedPayment();
  const read = async () => (await operator.audited()).filter(({ action }) => action === 'payment.emr_detail');
  const before = (await read()).length;
  const plain = await operator.run(['payment', 'show', id]);
  expect(plain.stdout).toContain('They are sealed; --emr-detail shows them.');
  expect(plain.stdout).not.toContain('JANE DOE');
  expect(await operator.ask(['payment', 'show', id])).toMatchObject({
    attempts: [{ has_emr_text: false }, { has_emr_text: true }],
  });
  expect(await read()).toHaveLength(before);

  const shown = await operator.run(['payment', 'show', id, '--emr-detail']);
  expect(shown).toMatchObject({ code: 0, stderr: '' });
  expect(shown.stdout).toContain(`attempt 3: ${PATIENT}`);
  expect(shown.stdout).toContain('They may hold patient data');
  expect((await operator.ask(['payment', 'show', id, '--emr-detail'])).emr_detail).toEqual([
    { number: 3, text: PATIENT },
  ]);
  const entry = { subject: `payment:${id}`, detail: { opened: 1, unopened: 0 } };
  expect((await read()).slice(before)).toMatchObject([entry, entry]);
});

test('show --emr-detail with the wrong key shows the payment, says so and exits with 1', async () => {
  const id = await refusedPayment();
  const env = { ENCRYPTION_KEYS: newKey('k9') };
  const shown = await operator.run(['payment', 'show', id, '--emr-detail'], { env });
  expect(shown.code).toBe(1);
  expect(shown.stdout).toMatch(/^failure_code +unknown_location$/m);
  expect(shown.stdout).toContain(
    "attempt 3: no key in ENCRYPTION_KEYS opens this; it was sealed with the key 'k1'",
  );
  expect(shown.stdout).not.toContain('JANE DOE');
  expect(await operator.run(['payment', 'show', id], { env })).toMatchObject({ code: 0 });

  const moved = await practice.endedPayment('failed');
  const { emrText } = await operator.database.prisma.postingAttempt.findFirstOrThrow({
    where: { paymentId: paymentIdToUuid(id), number: 3 },
  });
  await operator.database.prisma.postingAttempt.create({
    data: { paymentId: paymentIdToUuid(moved), number: 3, outcome: 'refused', emrText },
  });
  const foreign = await operator.run(['payment', 'show', moved, '--emr-detail']);
  expect(foreign.code, 'words of another payment do not open').toBe(1);
  expect(foreign.stdout).not.toContain('JANE DOE');
});

test('show --emr-detail says when the EMR gave no words', async () => {
  const id = await practice.endedPayment('failed');
  const shown = await operator.run(['payment', 'show', id, '--emr-detail']);
  expect(shown).toMatchObject({ code: 0 });
  expect(shown.stdout).toContain('There are no words');
});

test("upkeep seal-emr-text moves the EMR's words out of the reasons of earlier versions", async () => {
  const { prisma } = operator.database;
  const quoted = `The EMR refused the payment: ${PATIENT}`;
  const endings = [
    '',
    ' The retry horizon has ended.',
    ' There is no way to ask it whether it took the payment.',
  ];
  const ids: string[] = [];
  for (const [index, ending] of endings.entries()) {
    const id = await practice.endedPayment(index === 0 ? 'failed' : 'needs_review');
    const paymentId = paymentIdToUuid(id);
    ids.push(paymentId);
    await prisma.payment.update({ where: { id: paymentId }, data: { failureReason: quoted + ending } });
    const detail = index === 2 ? quoted : null;
    await prisma.postingAttempt.create({ data: { paymentId, number: 2, outcome: 'unknown', detail } });
  }
  const bare = await practice.endedPayment('failed');
  await prisma.payment.update({ where: { id: paymentIdToUuid(bare) }, data: { failureReason: quoted } });
  const reasons = async () =>
    (await prisma.payment.findMany({ where: { id: { in: ids } } })).map(({ failureReason }) => failureReason);

  expect(await operator.ask(['upkeep', 'seal-emr-text', '--dry-run'])).toEqual({
    dry_run: true,
    payments: 3,
    attempts: 1,
    shared: 0,
    left: 1,
  });
  expect((await reasons()).every((reason) => reason?.startsWith(quoted))).toBe(true);
  expect(await operator.ask(['upkeep', 'seal-emr-text'])).toMatchObject({
    payments: 3,
    attempts: 1,
    left: 1,
  });
  expect((await reasons()).join()).not.toContain('JANE DOE');
  const attempts = await prisma.postingAttempt.findMany({ where: { paymentId: { in: ids } } });
  const keyring = parseKeyring(operator.env.ENCRYPTION_KEYS ?? '');
  for (const { paymentId, number, detail, emrText } of attempts) {
    expect(detail ?? '').not.toContain('JANE DOE');
    expect(open(keyring, emrTextRow({ paymentId, number }), emrText ?? '')).toBe(PATIENT);
  }
  expect(await operator.ask(['upkeep', 'seal-emr-text'])).toMatchObject({
    payments: 0,
    attempts: 0,
    left: 1,
  });
  expect(await operator.run(['upkeep', 'seal-emr-text'], { env: { ENCRYPTION_KEYS: '' } })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^ENCRYPTION_KEYS is not set/),
  });
  const [first] = (await operator.audited()).filter(({ action }) => action === 'upkeep.seal_emr_text');
  expect(first).toMatchObject({ detail: { payments: 3, attempts: 1, shared: 0, left: 1 } });
});

test('upkeep seal-emr-text leaves what the integrator may read', async () => {
  const { prisma } = operator.database;
  const id = await refusedPayment();
  const data = { failureReason: `The EMR refused the payment: ${PATIENT}` };
  await prisma.payment.update({ where: { id: paymentIdToUuid(id) }, data });
  const share = (shareEmrText: boolean) =>
    prisma.connection.update({ where: { userId: practice.userId }, data: { shareEmrText } });
  await share(true);
  expect(await operator.ask(['upkeep', 'seal-emr-text'])).toMatchObject({ payments: 0, shared: 2 });
  await share(false);
  expect(await operator.ask(['upkeep', 'seal-emr-text'])).toMatchObject({ payments: 1, shared: 0 });
});

test('retry: only from failed, with the same id and a corrected location', async () => {
  const id = await practice.endedPayment('failed');
  const retried = await operator.ask(['payment', 'retry', id, '--location', 'Main Street']);
  expect(retried).toEqual({
    ...{ payment_id: id, job_id: expect.any(Number), status: 'accepted' },
    patient_changed: false,
  });
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
  const { events } = await operator.ask<{ events: { event_id: string }[] }>(['payment', 'show', there]);
  const found = [...resolve, ...NOTE, '--posted', '13969262'];
  expect(await operator.run([...found, '--event', `evt_${'0'.repeat(24)}`])).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('needs another review'),
  });
  expect(await operator.ask([...found, '--event', events.at(-1)?.event_id ?? ''])).toEqual({
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

  const unnamed = await practice.endedPayment('needs_review');
  expect(await operator.ask(['payment', 'resolve', unnamed, '--posted', ...NOTE])).toMatchObject({
    status: 'posted',
  });
  expect(await operator.ask(['payment', 'show', unnamed])).toMatchObject({
    status: 'posted',
    emr_transaction_id: null,
    failure_code: null,
  });

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
