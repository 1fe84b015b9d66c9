import { CREATE_PAYMENT_EXAMPLE } from '@emr-payments/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requestsOf } from '../testing/client-requests.ts';
import { writeDelivery, writeEvent } from '../testing/event-rows.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { userRequests } from '../testing/user-requests.ts';

let api: TestApi;
let get: ReturnType<typeof userRequests>['get'];
/** Paths of lists, each with two entries. */
const lists: string[] = [];

beforeAll(async () => {
  api = await openTestApi();
  const caller = await api.newCaller();
  const { pay, ...user } = userRequests(api, caller);
  get = user.get;
  const { clientPk } = caller;
  const eventIds = [
    await writeEvent(api.database, { clientPk }),
    await writeEvent(api.database, { clientPk }),
  ];
  for (const name of ['one', 'two']) {
    await pay();
    const body = { url: `http://127.0.0.1:1/${name}` };
    const endpoint = await requestsOf(api.app, caller)('POST', '/v1/webhooks', { body });
    const endpointId: string = endpoint.json().data.id;
    for (const eventId of eventIds)
      await writeDelivery(api.database, { eventId, endpointId, status: 'failed' });
    lists.push(`/v1/webhooks/${endpointId}/deliveries`);
  }
  lists.push('/v1/payments', '/v1/events', '/v1/webhooks');
});
afterAll(() => api.close());

const cursorOf = async (path: string): Promise<string> => (await get(path)).json().next_cursor;
const withCursor = async (path: string, cursor: string) =>
  get(`${path}${path.includes('?') ? '&' : '?'}cursor=${cursor}`);

const BAD_CURSOR = 'Missing or invalid required field: cursor (must be next_cursor of the page before)';

test('a cursor works in its own list alone', async () => {
  for (const from of lists) {
    const cursor = await cursorOf(`${from}?limit=1`);
    for (const list of lists) {
      const answer = await withCursor(`${list}?limit=1`, cursor);
      const { message, hint = '', data = [] } = answer.json();
      const what = `the cursor of ${from} in ${list}`;
      if (from === list) expect([answer.statusCode, data.length], what).toEqual([200, 1]);
      else {
        expect([answer.statusCode, message], what).toEqual([400, BAD_CURSOR]);
        expect(hint, what).toContain('This cursor belongs to another list');
        expect(hint, what).toContain('leave out `cursor` to begin with the first page');
      }
    }
  }
});

test('a cursor of one user is refused in the list of another', async () => {
  const other = userRequests(api, await api.newCaller());
  for (let n = 0; n < 2; n += 1) await other.pay();
  const { next_cursor } = (await other.get('/v1/payments?limit=1')).json();
  const answer = await withCursor('/v1/payments', next_cursor);
  expect([answer.statusCode, answer.json().hint]).toEqual([400, expect.stringContaining('another list')]);
});

describe('with other filters than those of the page before', () => {
  const reference = `reference_number=${encodeURIComponent(CREATE_PAYMENT_EXAMPLE.reference_number)}`;
  const states = 'status=accepted&status=posted';

  test.each([
    ['/v1/payments?limit=1', `/v1/payments?limit=1&${reference}`],
    [`/v1/payments?limit=1&${reference}`, '/v1/payments?limit=1'],
    [`/v1/payments?limit=1&${states}`, '/v1/payments?limit=1&status=accepted'],
    ['/v1/events?limit=1', '/v1/events?limit=1&type=payment.created'],
  ])('a cursor of %s is refused in %s', async (from, to) => {
    const answer = await withCursor(to, await cursorOf(from));
    expect([answer.statusCode, answer.json().message]).toEqual([400, BAD_CURSOR]);
    expect(answer.json().hint).toContain('This cursor was made with other filters');
  });

  test.each([
    [`/v1/payments?limit=1&${states}`, `/v1/payments?status=posted&status=accepted&limit=50`],
    ['/v1/payments?limit=1', '/v1/payments?created_after=2026-01-01T00:00:00Z'],
    [
      '/v1/events?limit=1&created_after=2026-01-01T00:00:00Z',
      '/v1/events?created_after=2026-01-02T00:00:00.0Z',
    ],
  ])('which leave the order as it is, a cursor of %s works in %s', async (from, to) => {
    const answer = await withCursor(to, await cursorOf(from));
    expect([answer.statusCode, answer.json().data?.length]).toEqual([200, 1]);
  });
});

describe('beside the release before, whose cursors have no mark,', () => {
  /** Reads a cursor as that release does. */
  const readBefore = (cursor: string) => Buffer.from(cursor, 'base64url').toString();

  test('every list goes on at a cursor of that release, and that release at one of this', async () => {
    for (const list of lists) {
      const cursor = await cursorOf(`${list}?limit=1`);
      const [before = ''] = cursor.split('=');
      expect(readBefore(cursor), list).toBe(readBefore(before));
      expect(readBefore(cursor), list).toMatch(/^\d{13}\.[A-Za-z0-9_-]+$/);
      const answer = await withCursor(list, before);
      expect([answer.statusCode, answer.json().data?.length], list).toEqual([200, 1]);
    }
  });
});

test.each(['=', 'x=', `${Buffer.from('1.a').toString('base64url')}=short`])(
  '%s is no cursor',
  async (text) => {
    const answer = await get(`/v1/events?cursor=${text}`);
    expect([answer.statusCode, answer.json().message]).toEqual([400, BAD_CURSOR]);
  },
);
