import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

const URL_OF = (path = 'hook') => `http://127.0.0.1:4300/${path}`;

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let send: Send;

beforeAll(async () => {
  api = await openTestApi();
});
beforeEach(async () => {
  caller = await api.newCaller();
  send = requestsOf(api.app, caller);
});
afterAll(() => api.close());

async function register(url = URL_OF(), key?: string): Promise<{ id: string }> {
  const answer = await send('POST', '/v1/webhooks', { body: { url }, ...(key === undefined ? {} : { key }) });
  expect(answer.json()).toMatchObject({ success: true });
  return answer.json().data;
}

const patch = (id: string, body: object) => send('PATCH', `/v1/webhooks/${id}`, { body });

/** A second enabled endpoint with one URL, as from before it was refused. */
async function duplicate(url = URL_OF()): Promise<{ id: string }> {
  const made = await register(URL_OF('other'));
  await api.database.prisma.webhookEndpoint.update({ where: { id: made.id }, data: { url } });
  return made;
}

const exists = (id: string) => ({
  success: false,
  code: 'endpoint_exists',
  message: `Your enabled webhook endpoint ${id} has this URL already. Change that one, or disable or delete it first.`,
  safe_to_retry: false,
});

describe('registering', () => {
  test.each([
    'http://127.0.0.1:4300/hook',
    'HTTP://127.0.0.1:4300/hook',
    'http://127.0.0.1:04300/hook',
    'http://127.0.0.1:4300/hook#part',
    'http://127.0.0.1:4300/./hook',
    'http://127.0.0.1:4300/x/../hook',
    'http://127.0.0.1:4300/hook?',
  ])('a URL that an enabled endpoint has is refused with its id: %s', async (url) => {
    const { id } = await register();
    const answer = await send('POST', '/v1/webhooks', { body: { url } });
    expect([answer.statusCode, answer.json()]).toEqual([409, expect.objectContaining(exists(id))]);
    expect((await send('GET', '/v1/webhooks')).json().data).toHaveLength(1);
  });

  test('another host, port, path or query is another URL, and so is the same for another client', async () => {
    await register();
    for (const url of [URL_OF('Hook'), URL_OF('hook/'), URL_OF('hook?a=1'), 'http://127.0.0.1:4301/hook'])
      await register(url);
    send = requestsOf(api.app, await api.newCaller());
    await register();
  });

  test('one of a disabled or deleted endpoint is taken', async () => {
    const first = await register();
    await patch(first.id, { enabled: false });
    const second = await register();
    await send('DELETE', `/v1/webhooks/${second.id}`);
    await register();
  });

  test('with the key of the first request gets the first answer again', async () => {
    const first = await register(URL_OF(), 'k1');
    expect(await register(URL_OF(), 'k1')).toEqual(first);
    const other = await send('POST', '/v1/webhooks', { body: { url: URL_OF() }, key: 'k2' });
    expect(other.json()).toMatchObject(exists(first.id));
    // The refusal was not remembered.
    await send('DELETE', `/v1/webhooks/${first.id}`);
    await register(URL_OF(), 'k2');
  });

  test('says so before it says that there are too many', async () => {
    const { id } = await register();
    for (let n = 1; n < 50; n += 1) await register(URL_OF(`${n}`));
    const again = await send('POST', '/v1/webhooks', { body: { url: URL_OF() } });
    expect(again.json()).toMatchObject(exists(id));
  });
});

describe('changing', () => {
  test('to the URL of another enabled endpoint is refused, and changes nothing', async () => {
    const first = await register();
    const second = await register(URL_OF('second'));
    const answer = await patch(second.id, { url: `${URL_OF()}#x`, description: 'new' });
    expect([answer.statusCode, answer.json()]).toEqual([409, expect.objectContaining(exists(first.id))]);
    const { data } = (await send('GET', `/v1/webhooks/${second.id}`)).json();
    expect(data).toMatchObject({ url: URL_OF('second'), description: null });
    await patch(first.id, { enabled: false });
    expect((await patch(second.id, { url: URL_OF() })).statusCode).toBe(200);
    expect((await patch(first.id, { enabled: true })).json()).toMatchObject(exists(second.id));
    expect((await patch(first.id, { enabled: true, url: URL_OF('third') })).statusCode).toBe(200);
  });

  test('existing duplicates go on: only another URL, or being enabled again, is compared', async () => {
    const first = await register();
    const second = await duplicate();
    for (const body of [
      { description: 'still here' },
      { url: URL_OF() },
      { url: `${URL_OF()}?`, thin: true },
      { enabled: true },
      { event_types: ['payment.failed'], rate_per_second: 3 },
    ]) {
      expect((await patch(second.id, body)).statusCode, JSON.stringify(body)).toBe(200);
    }
    expect((await patch(second.id, { enabled: false })).statusCode).toBe(200);
    expect((await patch(second.id, { enabled: true })).json()).toMatchObject(exists(first.id));
  });
});

describe('what changes nothing writes nothing', () => {
  /** The versions of the rows that a change may write, and the number of entries in the audit log. */
  async function state(id: string) {
    const { pool, prisma } = api.database;
    const { rows } = await pool.query(
      `SELECT e.xmin::text AS endpoint, e.ctid::text AS place, l.xmin::text AS lane, l.failures, l.open_until
         FROM webhook_endpoints e JOIN lanes l ON l.id = e.lane_id WHERE e.id = $1`,
      [id],
    );
    return { ...rows[0], audited: await prisma.auditEntry.count({ where: { minute: null } }) };
  }

  const FULL = {
    url: URL_OF('full'),
    description: 'Front desk',
    event_types: ['payment.failed', 'payment.created'],
    thin: true,
    rate_per_second: 2.5,
  };
  async function registerFull(): Promise<string> {
    const { id } = (await send('POST', '/v1/webhooks', { body: FULL })).json().data;
    const { laneId } = await api.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });
    // Failures that no change without a difference may forget.
    const data = { failures: 3, openUntil: new Date(Date.now() + 60_000) };
    await api.database.prisma.lane.update({ where: { id: laneId }, data });
    return id;
  }

  test.each([
    ...Object.entries(FULL).map(([field, value]) => ({ [field]: value })),
    FULL,
    { enabled: true },
    { ...FULL, enabled: true },
    { rate_per_second: 2.5004 },
  ])('PATCH %j', async (body) => {
    const id = await registerFull();
    const before = await state(id);
    const answer = await patch(id, body);
    expect(answer.json()).toMatchObject({ success: true, data: { id, url: FULL.url, recoverable: null } });
    expect(await state(id)).toEqual(before);
    const keyed = await send('PATCH', `/v1/webhooks/${id}`, { body, key: 'k' });
    expect(keyed.statusCode).toBe(200);
    expect(await state(id)).toEqual(before);
  });

  test('PATCH enabled: false of a disabled endpoint, and its second DELETE', async () => {
    const id = await registerFull();
    await patch(id, { enabled: false });
    const disabled = await state(id);
    expect((await patch(id, { enabled: false })).json().data).toMatchObject({ enabled: false });
    expect(await state(id)).toEqual(disabled);
    await send('DELETE', `/v1/webhooks/${id}`);
    const deleted = await state(id);
    expect((await send('DELETE', `/v1/webhooks/${id}`)).statusCode).toBe(404);
    expect(await state(id)).toEqual(deleted);
  });

  test('one different field is written alone, and is alone in the audit log', async () => {
    const id = await registerFull();
    const before = await state(id);
    await patch(id, { ...FULL, enabled: true, thin: false });
    const after = await state(id);
    expect(after).toMatchObject({ lane: before.lane, failures: 3, audited: before.audited + 1 });
    const [entry] = await api.database.prisma.auditEntry.findMany({
      where: { subject: `endpoint:${id}`, action: 'endpoint.change' },
    });
    expect(entry?.detail).toEqual({ thin: false });
  });
});
