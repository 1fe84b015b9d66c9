import { hashSecret, newSecret } from '@emr-payments/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Credentials, openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';

let api: TestApi;
let owner: Awaited<ReturnType<TestApi['newCaller']>>;
let failed: { payment_id: string; job_id: number };
let doubtful: { payment_id: string; job_id: number };
/** A place in the owner's list, without the mark that makes a stranger's be refused. */
let cursor: string;

/** Another practice of the same integrator. */
async function sibling(): Promise<Credentials> {
  const access_token = newSecret('at_live_');
  await api.database.prisma.user.create({
    data: {
      publicId: newSecret('user_'),
      clientPk: owner.clientPk,
      name: 'Next door',
      tokens: { create: { tokenHash: new Uint8Array(hashSecret(access_token)) } },
    },
  });
  return { ...owner, access_token };
}

beforeAll(async () => {
  api = await openTestApi();
  owner = await api.newCaller();
  const { get, pay } = userRequests(api, owner);
  failed = await pay();
  doubtful = await pay();
  await putInto(api, { paymentId: failed.payment_id, status: 'failed' });
  await putInto(api, { paymentId: doubtful.payment_id, status: 'needs_review' });
  [cursor] = (await get('/v1/payments?limit=1')).json().next_cursor.split('=');
});
afterAll(() => api.close());

const strangers: [string, () => Promise<Credentials>][] = [
  ['another client', () => api.newCaller()],
  ['another user of the same client', sibling],
];

describe.each(strangers)('%s gets nothing of it', (_who, stranger) => {
  test('by id', async () => {
    const { get, post } = userRequests(api, await stranger());
    const resolution = { outcome: 'not_posted', note: 'Not there' };
    const answers = {
      payment: await get(`/v1/payments/${failed.payment_id}`),
      retry: await post(`/v1/payments/${failed.payment_id}/retry`, {}),
      resolve: await post(`/v1/payments/${doubtful.payment_id}/resolve`, resolution),
    };
    for (const [what, answer] of Object.entries(answers)) {
      expect([answer.statusCode, answer.json().code], what).toEqual([404, 'payment_not_found']);
    }
    const job = await get(`/v1/jobs/${failed.job_id}`);
    expect([job.statusCode, job.json().code]).toEqual([404, 'job_not_found']);

    const mine = userRequests(api, owner);
    expect((await mine.get(`/v1/payments/${failed.payment_id}`)).json().data.status).toBe('failed');
    expect((await mine.get(`/v1/payments/${doubtful.payment_id}`)).json().data.status).toBe('needs_review');
  });

  test.each([
    '',
    'patient_mrn=MRN-12345',
    'reference_number=%23123456',
    'location=1404',
    'status=failed',
    'status=needs_review',
    'status=accepted&status=posted',
    'created_after=2000-01-01T00:00:00Z',
    'cursor',
  ])('in the list ?%s', async (query) => {
    const { get } = userRequests(api, await stranger());
    const answer = await get(`/v1/payments?${query === 'cursor' ? `cursor=${cursor}` : query}`);
    expect(answer.json()).toMatchObject({ data: [], has_more: false, next_cursor: null });
  });

  test('in the reconciliation', async () => {
    const { get } = userRequests(api, await stranger());
    const { data } = (await get('/v1/reconciliation?date=2026-06-15')).json();
    expect(data).toMatchObject({ methods: [], totals: { accepted: { count: 0, amount: 0 } } });
  });

  test('by an Idempotency-Key that the owner used', async () => {
    const key = { 'idempotency-key': 'shared-by-chance' };
    const { payment_id } = await userRequests(api, owner).pay();
    await putInto(api, { paymentId: payment_id, status: 'failed' });
    const first = await userRequests(api, owner).post(`/v1/payments/${payment_id}/retry`, {}, key);
    expect([200, 422]).toContain(first.statusCode);
    const answer = await userRequests(api, await stranger()).post(
      `/v1/payments/${payment_id}/retry`,
      {},
      key,
    );
    expect(answer.json().code).toBe('payment_not_found');
  });
});

test('the owner is not affected', async () => {
  const { get } = userRequests(api, owner);
  expect((await get(`/v1/payments?cursor=${cursor}`)).json().data.length).toBeGreaterThan(0);
});
