import { CREATE_PAYMENT_EXAMPLE, paymentIdToUuid } from '@emr-payments/contracts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let user: ReturnType<typeof userRequests>;
let payment: { payment_id: string; job_id: number };

beforeAll(async () => {
  api = await openTestApi();
  caller = await api.newCaller();
  user = userRequests(api, caller);
});
afterAll(() => api.close());
beforeEach(async () => {
  payment = await user.pay();
});

const retry = (body: object | undefined, headers = {}) =>
  user.post(`/v1/payments/${payment.payment_id}/retry`, body, headers);
const resolve = (body: object, headers = {}) =>
  user.post(`/v1/payments/${payment.payment_id}/resolve`, body, headers);
const put = (status: 'failed' | 'needs_review' | 'posted') =>
  putInto(api, { paymentId: payment.payment_id, status });
const state = async () => (await user.get(`/v1/payments/${payment.payment_id}`)).json().data;
const audited = () =>
  api.database.prisma.auditEntry.findMany({ where: { subject: `payment:${payment.payment_id}` } });
const POSTED = { outcome: 'posted', emr_transaction_id: '13969262', note: 'On the day sheet' };

describe('retry', () => {
  test('queues the same payment again, corrected, and records who requested it', async () => {
    await put('failed');
    const answer = await retry({ payment_method: 'Cash', location: '7' });
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ success: true, message: expect.any(String), ...payment });
    expect(await state()).toMatchObject({
      status: 'accepted',
      failure: null,
      payment_method: 'Cash',
      location: '7',
    });
    const id = paymentIdToUuid(payment.payment_id);
    expect(await api.database.prisma.job.count({ where: { paymentId: id } })).toBe(1);
    expect(await audited()).toMatchObject([
      { action: 'payment.retry', actor: `client:${caller.client_id}`, source: '127.0.0.1', outcome: 'done' },
    ]);
  });

  test('needs no body', async () => {
    await put('failed');
    expect((await retry(undefined)).statusCode).toBe(200);
    expect((await state()).payment_method).toBe('Card');
  });

  test('goes to the patient whom the MRN names now, and to nobody when it names none', async () => {
    const { patient_mrn: mrn } = CREATE_PAYMENT_EXAMPLE;
    const stored = () =>
      api.database.prisma.payment.findUniqueOrThrow({ where: { id: paymentIdToUuid(payment.payment_id) } });
    const patientIs = (emrPatientId: string | null) =>
      api.database.prisma.patient.updateMany({ where: { mrn }, data: { emrPatientId } });
    const { emrPatientId: former } = await stored();
    try {
      await put('failed');
      await patientIs(null);
      const refused = await retry({});
      expect(refused.statusCode).toBe(404);
      expect(refused.json()).toMatchObject({
        code: 'patient_not_found',
        message: `Patient with MRN '${mrn}' not found. Please ensure the patient has been synced and has an EMR patient ID.`,
      });
      await patientIs('corrected');
      expect((await retry({})).statusCode).toBe(200);
      expect((await stored()).emrPatientId).toBe('corrected');
    } finally {
      await patientIs(former);
    }
  });

  test('once for each key', async () => {
    await put('failed');
    const key = { 'idempotency-key': `retry-${payment.payment_id}` };
    const first = await retry({}, key);
    await put('failed');
    const again = await retry({}, key);
    expect(again.json()).toEqual(first.json());
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect((await state()).status).toBe('failed');
    expect((await retry({ location: '8' }, key)).json().code).toBe('idempotency_key_reused');
    // The same key for another kind of request is another request too.
    const pay = await user.post('/v1/payments', CREATE_PAYMENT_EXAMPLE, key);
    expect(pay.json().code).toBe('idempotency_key_reused');
  });

  test.each(['posted', 'needs_review'] as const)('is refused when it is %s', async (status) => {
    await put(status);
    const answer = await retry({}, { 'idempotency-key': `refused-${payment.payment_id}` });
    expect(answer.statusCode).toBe(409);
    expect(answer.json()).toMatchObject({
      code: 'invalid_state',
      message: expect.stringContaining(`it is ${status}`),
    });
    expect(await audited()).toEqual([]);
  });

  test('is refused while it is being processed', async () => {
    expect((await retry({})).json().message).toContain('it is accepted');
  });

  test.each([
    [{ payment_method: '' }, 'payment_method'],
    [{ location: 7 }, 'location'],
    [{ amount: 5 }, 'amount'],
  ])('%j is refused by name', async (body, field) => {
    await put('failed');
    const answer = await retry(body);
    expect([answer.statusCode, answer.json().message]).toEqual([
      400,
      expect.stringContaining(`field: ${field}`),
    ]);
    expect((await state()).status).toBe('failed');
  });
});

describe('resolve', () => {
  test('as posted: the EMR’s id, the event, the note', async () => {
    await put('needs_review');
    const answer = await resolve(POSTED, { 'idempotency-key': `resolve-${payment.payment_id}` });
    expect(answer.json().data).toMatchObject({ payment_id: payment.payment_id, status: 'posted' });
    const { event_id } = answer.json().data;
    expect(await state()).toMatchObject({
      status: 'posted',
      emr_transaction_id: '13969262',
      failure: null,
      events: [{ id: event_id, type: 'payment.created' }],
    });
    expect(await audited()).toMatchObject([
      { action: 'payment.resolve', detail: { note: 'On the day sheet' } },
    ]);
    const again = await resolve(POSTED, { 'idempotency-key': `resolve-${payment.payment_id}` });
    expect(again.json()).toEqual(answer.json());
    expect(await audited()).toHaveLength(1);
  });

  test('as posted, without the EMR’s id: it is null in the payment, the event and the audit log', async () => {
    await put('needs_review');
    const answer = await resolve({ outcome: 'posted', note: 'On the day sheet' });
    expect(answer.json().data).toMatchObject({ status: 'posted' });
    expect(await state()).toMatchObject({ status: 'posted', emr_transaction_id: null, failure: null });
    const event = await user.get(`/v1/events/${answer.json().data.event_id}`);
    expect(event.json().data).toMatchObject({ type: 'payment.created', data: { emr_transaction_id: null } });
    expect(await audited()).toMatchObject([
      { detail: { outcome: 'posted', emr_transaction_id: null, note: 'On the day sheet' } },
    ]);
    const listed = await user.get('/v1/payments?status=posted');
    expect(listed.json().data).toContainEqual(
      expect.objectContaining({ payment_id: payment.payment_id, emr_transaction_id: null }),
    );
  });

  test('as not posted: it has failed, and can be retried', async () => {
    await put('needs_review');
    expect((await resolve({ outcome: 'not_posted', note: 'Not there' })).json().data.status).toBe('failed');
    expect((await state()).failure).toMatchObject({ code: 'resolved_not_posted' });
    expect((await retry({})).statusCode).toBe(200);
  });

  test.each(['posted', 'failed'] as const)('is refused when it is %s', async (status) => {
    await put(status);
    expect((await resolve(POSTED)).json()).toMatchObject({
      code: 'invalid_state',
      message: expect.stringContaining(`it is ${status}`),
      safe_to_retry: false,
    });
  });

  test('is refused when the finding is about another review', async () => {
    await put('needs_review');
    const answer = await resolve({ ...POSTED, event_id: `evt_${'0'.repeat(24)}` });
    expect(answer.json()).toMatchObject({
      code: 'invalid_state',
      message: expect.stringContaining('it is needs_review'),
      hint: expect.stringContaining('Look again'),
      safe_to_retry: false,
    });
    expect((await state()).status).toBe('needs_review');
  });

  test.each([
    [{}, 'outcome'],
    [{ ...POSTED, event_id: '7' }, 'event_id'],
    [{ ...POSTED, outcome: 'maybe' }, 'outcome'],
    [{ ...POSTED, emr_transaction_id: '' }, 'emr_transaction_id'],
    [{ ...POSTED, outcome: 'not_posted' }, 'emr_transaction_id'],
    [{ outcome: 'not_posted' }, 'note'],
    [{ ...POSTED, note: '' }, 'note'],
    [{ ...POSTED, note: 'x'.repeat(1001) }, 'note'],
    // Refused by what its pattern cannot say: the sentence says it.
    [{ ...POSTED, note: 'a\u0085b' }, 'note (must be 1 to 1000 characters, none of them a control character'],
    [{ ...POSTED, who: 'me' }, 'who'],
  ])('%j is refused by name', async (body, field) => {
    await put('needs_review');
    const answer = await resolve(body);
    expect([answer.statusCode, answer.json().message]).toEqual([
      400,
      expect.stringContaining(`field: ${field}`),
    ]);
    expect((await state()).status).toBe('needs_review');
  });
});
