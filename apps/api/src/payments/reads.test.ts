import { CREATE_PAYMENT_EXAMPLE, paymentIdToUuid } from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

const ids = (answer: { json(): { data: { payment_id: string }[] } }) =>
  answer.json().data.map(({ payment_id }) => payment_id);

describe('one payment', () => {
  test('is read back as it was sent, then with its attempts, its final state and its event', async () => {
    const { get, pay } = userRequests(api, await api.newCaller());
    const { payment_id, job_id } = await pay({ amount: 350.1 });
    const fresh = await get(`/v1/payments/${payment_id}`);
    expect(fresh.statusCode).toBe(200);
    const { notes, ...sent } = CREATE_PAYMENT_EXAMPLE;
    expect(fresh.json().data).toMatchObject({
      ...sent,
      notes,
      amount: 350.1,
      payment_id,
      job_id,
      status: 'accepted',
      failure: null,
      emr_transaction_id: null,
      attempts: [],
      events: [],
      settled_at: null,
    });

    const id = paymentIdToUuid(payment_id);
    const { prisma } = api.database;
    const sentAt = new Date('2026-06-15T10:30:00.120Z');
    await prisma.postingAttempt.createMany({
      data: [
        // The numbers are fences: they have gaps.
        { paymentId: id, number: 3, sentAt, finishedAt: sentAt, outcome: 'not_sent', code: 'timeout' },
        { paymentId: id, number: 8, sentAt },
      ],
    });
    await prisma.event.create({
      data: {
        id: 'evt_1',
        clientPk: 1,
        paymentId: id,
        round: 1,
        type: 'payment.failed',
        body: '{}',
        createdAt: sentAt,
      },
    });
    await putInto(api, { paymentId: payment_id, status: 'failed' });
    expect((await get(`/v1/payments/${payment_id}`)).json().data).toMatchObject({
      status: 'failed',
      failure: {
        code: 'closed_period',
        reason: 'It is so.',
        action: expect.stringContaining('open date'),
      },
      attempts: [
        { number: 1, sent_at: '2026-06-15T10:30:00.120Z', outcome: 'not_sent', code: 'timeout' },
        { number: 2, finished_at: null, outcome: null, code: null },
      ],
      events: [{ id: 'evt_1', type: 'payment.failed', created: '2026-06-15T10:30:00.120Z' }],
      settled_at: expect.stringMatching(/Z$/),
    });

    const job = (await get(`/v1/jobs/${job_id}`)).json();
    expect(job.data).toMatchObject({ job_id, payment_id, status: 'failed' });
  });

  test.each(['x', 'G'.repeat(32), '0'.repeat(32), '%27', '123e4567-e89b-12d3-a456-426614174001'])(
    'of the id %s is not found',
    async (id) => {
      const { get } = userRequests(api, await api.newCaller());
      const answer = await get(`/v1/payments/${id}`);
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'payment_not_found']);
    },
  );

  test.each(['x', '0', '-1', '1e3', '999999999999999', '9999999999999999999'])(
    'job %s is not found',
    async (id) => {
      const { get } = userRequests(api, await api.newCaller());
      const answer = await get(`/v1/jobs/${id}`);
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'job_not_found']);
    },
  );
});

describe('the list', () => {
  test('pages through all, newest first, while others come in', async () => {
    const { get, pay } = userRequests(api, await api.newCaller());
    const made: string[] = [];
    for (let n = 0; n < 7; n += 1) made.unshift((await pay()).payment_id);
    // Ties in time are broken by the id. The time is near that of the ids, as PostgreSQL's clock is near that of the API.
    await api.database.prisma.payment.updateMany({
      where: { id: { in: made.slice(2, 5).map(paymentIdToUuid) } },
      data: { createdAt: new Date(Date.now() - 3_600_000) },
    });
    const expected = ids(await get('/v1/payments'));
    expect(expected.toSorted()).toEqual(made.toSorted());

    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page = await get(`/v1/payments?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`);
      seen.push(...ids(page));
      const { has_more, next_cursor } = page.json();
      expect(has_more).toBe(next_cursor !== null);
      cursor = next_cursor;
      await pay();
    }
    expect(seen).toEqual(expected);
  });

  test('by each filter and by several', async () => {
    const { get, pay } = userRequests(api, await api.newCaller());
    const createdAt = async (id: string): Promise<string> =>
      (await get(`/v1/payments/${id}`)).json().data.created_at;
    /** Waits until another payment is of another millisecond. */
    const isPast = (time: string) => vi.waitUntil(() => Date.now() > Date.parse(time), { interval: 1 });
    const one = (await pay({ reference_number: 'a', location: '1' })).payment_id;
    await isPast(await createdAt(one));
    const two = (await pay({ reference_number: 'b', location: '1' })).payment_id;
    const created_at = await createdAt(two);
    await isPast(created_at);
    const three = (await pay({ reference_number: 'a', location: '2' })).payment_id;
    const list = async (query: string) => ids(await get(`/v1/payments?${query}`));
    expect(await list('reference_number=a')).toEqual([three, one]);
    expect(await list('location=1')).toEqual([two, one]);
    expect(await list('location=1&reference_number=a')).toEqual([one]);
    expect(await list('patient_mrn=MRN-12345&limit=1')).toEqual([three]);
    expect(await list('patient_mrn=MRN-1')).toEqual([]);
    expect(await list(`created_after=${created_at}`)).toEqual([three]);
    expect(await list(`created_before=${created_at}`)).toEqual([one]);
  });

  test('by times finer than the milliseconds of created_at, without a gap between two windows', async () => {
    const { get, pay } = userRequests(api, await api.newCaller());
    const { payment_id } = await pay();
    const { created_at } = (await get(`/v1/payments/${payment_id}`)).json().data;
    const finer = (digits: string) => created_at.replace('Z', `${digits}Z`);
    const list = async (query: string) => ids(await get(`/v1/payments?${query}`));
    expect(await list(`created_before=${finer('456')}`)).toEqual([payment_id]);
    expect(await list(`created_after=${finer('456')}`)).toEqual([]);
    expect(await list(`created_before=${finer('000')}`)).toEqual([]);
  });

  test('with the answer to the last try of what is open, before anything was sent too', async () => {
    const { get, pay } = userRequests(api, await api.newCaller());
    const { payment_id } = await pay();
    const read = async () => {
      const [one, [listed]] = [
        (await get(`/v1/payments/${payment_id}`)).json().data,
        (await get('/v1/payments')).json().data,
      ];
      expect(listed).toEqual(one);
      return one;
    };
    expect(await read()).toMatchObject({ status: 'accepted', waiting: null });
    const id = paymentIdToUuid(payment_id);
    const run = (set: string) =>
      api.database.pool.query(`UPDATE jobs SET ${set} WHERE payment_id = $1`, [id]);
    await run(
      `last_code = 'timeout', last_reason = 'It was late.', tries = 2, run_at = '2026-06-15T10:00:00Z'`,
    );
    await putInto(api, { paymentId: payment_id, status: 'retrying' });
    const waiting = {
      code: 'timeout',
      reason: 'It was late.',
      tries: 2,
      next_try_at: '2026-06-15T10:00:00.000Z',
    };
    expect(await read()).toMatchObject({ status: 'retrying', attempts: [], waiting });
    await run(`lease_until = now() + interval '1 minute'`);
    expect(await read()).toMatchObject({ waiting: { ...waiting, next_try_at: null } });
    await putInto(api, { paymentId: payment_id, status: 'posted' });
    expect(await read()).toMatchObject({ status: 'posted', waiting: null });
  });

  test('by every state, alone and with others', async () => {
    const { get, pay } = userRequests(api, await api.newCaller());
    const states = [
      'accepted',
      'posting',
      'retrying',
      'submitted',
      'posted',
      'failed',
      'needs_review',
    ] as const;
    const made = new Map<string, string>();
    for (const status of states) {
      const { payment_id } = await pay();
      await putInto(api, { paymentId: payment_id, status });
      made.set(status, payment_id);
    }
    for (const status of states) {
      expect(ids(await get(`/v1/payments?status=${status}`)), status).toEqual([made.get(status)]);
      for (const other of states.filter((each) => states.indexOf(each) > states.indexOf(status))) {
        const both = ids(await get(`/v1/payments?status=${status}&status=${other}&limit=2`));
        expect(both, `${status} ${other}`).toEqual([made.get(other), made.get(status)]);
      }
    }
    expect(
      ids(await get(`/v1/payments?${states.map((status) => `status=${status}`).join('&')}`)),
    ).toHaveLength(states.length);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=x', 'cursor'],
    ['cursor=', 'cursor'],
    [`cursor=${Buffer.from('5.abc').toString('base64url')}`, 'cursor'],
    ['status=paid', 'status'],
    ['status=failed&status=failed', 'status'],
    ['created_after=yesterday', 'created_after'],
    ['created_after=2026-12-31T23:59:60Z', 'created_after'],
    ['created_before=2026-06-15', 'created_before'],
    ['patient_mrn=', 'patient_mrn'],
    ['page=2', 'page'],
    ['status=paid&limit=0', 'status'],
  ])('%s is refused and %s named', async (query, field) => {
    const { get } = userRequests(api, await api.newCaller());
    const answer = await get(`/v1/payments?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toMatch(
      new RegExp(`^Missing or invalid required field: ${field} \\((must|is not) .+\\)$`),
    );
  });
});
