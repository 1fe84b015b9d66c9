import { storeNames } from '@emr-payments/db';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi();
});
afterAll(() => api.close());

test('a sync is started once, however often it is requested, and its job shows how far it is', async () => {
  const caller = await api.newCaller();
  const user = userRequests(api, caller);
  const first = await user.post('/v1/sync', undefined, { 'idempotency-key': 'k1' });
  expect([first.statusCode, first.json().message]).toEqual([200, 'Sync started. GET the job to follow it.']);
  const { job_id } = first.json();
  const again = await Promise.all([user.post('/v1/sync', {}), user.post('/v1/sync', { full: true })]);
  expect(again.map((answer) => [answer.statusCode, answer.json().job_id])).toEqual([
    [200, job_id],
    [200, job_id],
  ]);
  const replayed = await user.post('/v1/sync', undefined, { 'idempotency-key': 'k1' });
  expect([replayed.headers['idempotent-replayed'], replayed.json().job_id]).toEqual(['true', job_id]);

  const job = await user.get(`/v1/jobs/${job_id}`);
  expect(job.json().data).toMatchObject({
    job_id,
    kind: 'sync_connection',
    status: 'waiting',
    payment_id: null,
    settled_at: null,
    sync: { kind: 'full', started_by: 'request', pages: 0, seen: 0, reason: null, started_at: null },
  });
  const stranger = userRequests(api, await api.newCaller());
  expect((await stranger.get(`/v1/jobs/${job_id}`)).statusCode).toBe(404);

  const { rows } = await api.database.pool.query(
    "SELECT actor, subject, outcome, detail FROM audit_log WHERE action = 'sync.start' AND user_id = $1",
    [caller.publicId],
  );
  expect(rows).toEqual([
    {
      actor: `client:${caller.client_id}`,
      subject: `user:${caller.publicId}`,
      outcome: 'done',
      detail: { job_id, kind: 'full' },
    },
  ]);
});

test('a body of another form is refused by name', async () => {
  const user = userRequests(api, await api.newCaller());
  for (const body of [{ full: 'yes' }, { fully: true }]) {
    const answer = await user.post('/v1/sync', body);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_field']);
  }
});

test('a payment is a job of its own kind', async () => {
  const user = userRequests(api, await api.newCaller());
  const { job_id, payment_id } = await user.pay();
  const { data } = (await user.get(`/v1/jobs/${job_id}`)).json();
  expect(data).toMatchObject({ kind: 'post_payment', status: 'accepted', payment_id, sync: null });
});

test('payment methods and locations are read from what is stored, each user his own', async () => {
  const caller = await api.newCaller();
  const user = userRequests(api, caller);
  const empty = { any_payment_method: false, payment_methods: [], synced_at: null };
  expect((await user.get('/v1/payment-methods')).json().data).toEqual(empty);
  expect((await user.get('/v1/locations')).json().data).toEqual({
    any_location: false,
    locations: [],
    synced_at: null,
  });
  const { rows } = await api.database.pool.query(
    'SELECT updated_at::text AS version FROM connections WHERE user_id = $1',
    [caller.userId],
  );
  const lists = {
    methods: [
      { id: '1', name: 'Card', needs: 'the last four digits of the card' },
      { id: '2', name: 'Cash', needs: null },
    ],
    locations: [{ id: '9', name: 'Main', identifiers: ['1404'] }],
    ...{ anyMethod: false, anyLocation: false },
  };
  const { userId } = caller;
  expect(await storeNames(api, { userId, version: rows[0].version, lists })).toBe(true);
  expect((await user.get('/v1/payment-methods')).json().data).toMatchObject({
    payment_methods: [
      { id: '1', name: 'Card', usable: false, needs: 'the last four digits of the card' },
      { id: '2', name: 'Cash', usable: true, needs: null },
    ],
    synced_at: expect.any(String),
  });
  expect((await user.get('/v1/locations')).json().data.locations).toEqual(lists.locations);
  const other = userRequests(api, await api.newCaller());
  expect((await other.get('/v1/locations')).json().data.locations).toEqual([]);

  // A shorter list in another order, without locations; and one that was read over the connection of before.
  const fewer = {
    ...lists,
    methods: [{ id: '2', name: 'Cash', needs: null }],
    locations: [],
    anyLocation: true,
  };
  await storeNames(api, { userId, version: rows[0].version, lists: fewer });
  await storeNames(api, { userId, version: '2020-01-01 00:00:00+00', lists });
  expect((await user.get('/v1/payment-methods')).json().data.payment_methods).toHaveLength(1);
  expect((await user.get('/v1/locations')).json().data).toMatchObject({ any_location: true, locations: [] });
});
