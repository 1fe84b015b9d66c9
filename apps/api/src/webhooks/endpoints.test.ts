import { newEventId } from '@emr-payments/contracts';
import { inTransaction, publishEvent } from '@emr-payments/db';
import { open } from '@emr-payments/runtime';
import { UnresolvedError } from '@emr-payments/webhooks';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

const URL_OF = (n = 1) => `http://127.0.0.1:${4000 + n}/hook`;

/** The address that every host name resolves to; null: the name servers know no such name. */
let address: string | null;
/** The host names that were asked for in this test. */
let asked: string[];
let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let send: Send;

beforeAll(async () => {
  api = await openTestApi({
    async resolve(hostname) {
      asked.push(hostname);
      if (address === null) throw new UnresolvedError(`${hostname} could not be resolved`);
      return [{ address, family: 4 }];
    },
  });
});
beforeEach(async () => {
  address = '93.184.215.14';
  asked = [];
  caller = await api.newCaller();
  send = requestsOf(api.app, caller);
});
afterAll(() => api.close());

let registered = 0;

/** Registers an endpoint with a URL of its own. */
async function register(body: object = {}): Promise<{ id: string; secret: string }> {
  registered += 1;
  const url = `http://127.0.0.1:4100/hook/${registered}`;
  const answer = await send('POST', '/v1/webhooks', { body: { url, ...body } });
  expect(answer.json()).toMatchObject({ success: true });
  return answer.json().data;
}

describe('registering', () => {
  test('answers the endpoint and its secret, once; the secret is stored sealed', async () => {
    const answer = await send('POST', '/v1/webhooks', {
      body: {
        url: URL_OF(),
        description: 'Front desk',
        event_types: ['payment.failed'],
        rate_per_second: 2.5,
      },
    });
    expect(answer.statusCode).toBe(200);
    const { data } = answer.json();
    expect(data).toEqual({
      id: expect.stringMatching(/^we_[0-9A-Za-z]{24}$/),
      url: URL_OF(),
      description: 'Front desk',
      event_types: ['payment.failed'],
      api_version: '2026-06-01',
      thin: false,
      signing: 'v1',
      rate_per_second: 2.5,
      enabled: true,
      disabled_at: null,
      disabled_code: null,
      disabled_reason: null,
      failing_since: null,
      paused_until: null,
      created_at: expect.stringMatching(/Z$/),
      secret: expect.stringMatching(/^whsec_/),
    });
    const read = await send('GET', `/v1/webhooks/${data.id}`);
    const { secret, ...endpoint } = data;
    expect(read.json().data).toEqual(endpoint);
    const [row] = await api.database.prisma.webhookSecret.findMany({ where: { endpointId: data.id } });
    expect(JSON.stringify(row)).not.toContain(secret);
    expect(open(api.keyring, `webhook_secret:${row?.id}`, row?.sealed ?? '')).toBe(secret);
    const audit = await api.database.prisma.auditEntry.findMany({
      where: { subject: `endpoint:${data.id}` },
    });
    expect(audit).toMatchObject([{ action: 'endpoint.create', actor: `client:${caller.client_id}` }]);
  });

  test('with v1a shows the public key and keeps the secret one', async () => {
    const { data } = (
      await send('POST', '/v1/webhooks', { body: { url: URL_OF(), signing: 'v1a', thin: true } })
    ).json();
    expect(data).toMatchObject({ signing: 'v1a', thin: true, public_key: expect.stringMatching(/^whpk_/) });
    expect(data.secret).toBeUndefined();
  });

  test.each([
    ['url', {}, 'must be a URL'],
    ['url', { url: 'http://hooks.example.com/' }, 'the URL must be https'],
    ['url', { url: 'https://10.0.0.1/' }, '10.0.0.1'],
    ['url', { url: 'https://user:pass@example.com/' }, 'user name or password'],
    ['url', { url: 'https://localhost/' }, 'not a public host name'],
    ['event_types', { url: URL_OF(), event_types: ['payment.eaten'] }, 'must be a list'],
    ['event_types', { url: URL_OF(), event_types: 'payment.failed' }, 'must be a list'],
    ['thin', { url: URL_OF(), thin: 'yes' }, 'must be true or false'],
    ['signing', { url: URL_OF(), signing: 'v2' }, 'must be v1 or v1a'],
    ['rate_per_second', { url: URL_OF(), rate_per_second: 0 }, 'from 0.01 to 1000'],
    ['description', { url: URL_OF(), description: 'a\u0000b' }, 'one line of text'],
    ['secret', { url: URL_OF(), secret: 'whsec_x' }, 'is not a known field'],
  ])('refuses a wrong %s: %j', async (field, body, rule) => {
    const answer = await send('POST', '/v1/webhooks', { body });
    expect(answer.statusCode).toBe(400);
    const { message } = answer.json();
    expect(message).toContain(`Missing or invalid required field: ${field} (`);
    expect(message).toContain(rule);
    expect(answer.json()).toMatchObject({ success: false, code: 'invalid_field', safe_to_retry: false });
  });

  test('needs the client’s credentials and no access token', async () => {
    const wrong = requestsOf(api.app, { ...caller, client_secret: 'wrong' });
    for (const [method, url] of [
      ['POST', '/v1/webhooks'],
      ['GET', '/v1/events'],
    ] as const) {
      expect((await wrong(method, url)).json()).toMatchObject({ success: false, code: 'invalid_client' });
    }
    expect((await send('GET', '/v1/events')).statusCode).toBe(200);
  });

  test('ends at 50 endpoints, and deleting makes room', async () => {
    const first = await register();
    for (let n = 1; n < 50; n += 1) await register();
    const answer = await send('POST', '/v1/webhooks', { body: { url: URL_OF() } });
    expect(answer.json()).toMatchObject({ code: 'endpoint_limit_reached' });
    await send('DELETE', `/v1/webhooks/${first.id}`);
    await register();
  });
});

describe('Idempotency-Key', () => {
  test('gets the first answer again, secret and all, sealed while it is kept', async () => {
    const body = { url: URL_OF() };
    const [one, two] = await Promise.all([
      send('POST', '/v1/webhooks', { body, key: 'k1' }),
      send('POST', '/v1/webhooks', { body, key: 'k1' }),
    ]);
    expect(one.json()).toEqual(two.json());
    expect([one, two].map(({ headers }) => headers['idempotent-replayed']).sort()).toEqual([
      'true',
      undefined,
    ]);
    expect((await send('GET', '/v1/webhooks')).json().data).toHaveLength(1);
    const [kept] = await api.database.prisma.idempotencyKey.findMany({
      where: { clientPk: caller.clientPk },
    });
    expect(kept?.response).toMatch(/^test\./);
    expect(kept?.response).not.toContain(one.json().data.secret);
  });

  test('gets the first answer again, although its URL would be refused by now, or the endpoint is gone', async () => {
    const creating = { body: { url: 'https://hooks.example.com/1' }, key: 'k4' };
    const created = await send('POST', '/v1/webhooks', creating);
    expect(created.statusCode).toBe(200);
    const path = `/v1/webhooks/${created.json().data.id}`;
    const changing = { body: { url: 'https://hooks.example.com/2' }, key: 'k5' };
    const changed = await send('PATCH', path, changing);
    expect(changed.statusCode).toBe(200);

    expect(asked).toHaveLength(2);
    address = null;
    expect((await send('POST', '/v1/webhooks', creating)).json()).toEqual(created.json());
    expect((await send('PATCH', path, changing)).json()).toEqual(changed.json());
    // No name server can hold up an answer that is known.
    expect(asked).toHaveLength(2);
    for (const [method, of] of [
      ['POST', '/v1/webhooks'],
      ['PATCH', path],
    ] as const) {
      const refused = await send(method, of, { body: { url: 'https://hooks.example.com/3' } });
      expect(refused.statusCode).toBe(400);
      expect(refused.json().message).toContain('hooks.example.com could not be resolved');
    }
    await send('DELETE', path);
    expect((await send('PATCH', path, changing)).json()).toEqual(changed.json());
  });

  test('with another request is refused, and a refusal is not remembered', async () => {
    const refused = await send('POST', '/v1/webhooks/we_none/rotate-secret', { key: 'k2' });
    expect(refused.statusCode).toBe(404);
    expect((await send('POST', '/v1/webhooks', { body: { url: URL_OF() }, key: 'k2' })).statusCode).toBe(200);
    const other = await send('POST', '/v1/webhooks', { body: { url: URL_OF(2) }, key: 'k2' });
    expect(other.json()).toMatchObject({ code: 'idempotency_key_reused' });
    expect((await send('POST', '/v1/webhooks', { body: { url: URL_OF() }, key: 'a b' })).statusCode).toBe(
      400,
    );
  });

  test('of another client is another key', async () => {
    const other = requestsOf(api.app, await api.newCaller());
    const body = { url: URL_OF() };
    const [mine, theirs] = [
      await send('POST', '/v1/webhooks', { body, key: 'k3' }),
      await other('POST', '/v1/webhooks', { body, key: 'k3' }),
    ];
    expect(theirs.json().data.id).not.toBe(mine.json().data.id);
  });
});

describe('lists', () => {
  test('go page by page, newest first, and stay in order while endpoints are added', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.unshift((await register()).id);
    const first = (await send('GET', '/v1/webhooks?limit=2')).json();
    await register();
    const second = (await send('GET', `/v1/webhooks?limit=2&cursor=${first.next_cursor}`)).json();
    const third = (await send('GET', `/v1/webhooks?limit=2&cursor=${second.next_cursor}`)).json();
    const pages = [first, second, third];
    expect(pages.flatMap(({ data }) => data.map(({ id }: { id: string }) => id))).toEqual(ids);
    expect(pages.map(({ has_more }) => has_more)).toEqual([true, true, false]);
    expect(third.next_cursor).toBeNull();
  });

  test.each([
    ['limit', 'limit=0'],
    ['limit', 'limit=101'],
    ['limit', 'limit=x'],
    ['cursor', 'cursor=!!'],
    ['cursor', `cursor=${Buffer.from('1.a;b').toString('base64url')}`],
    ['nonsense', 'nonsense=1'],
  ])('refuse a wrong %s: %s', async (field, query) => {
    const answer = await send('GET', `/v1/webhooks?${query}`);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().message).toContain(`required field: ${field} (`);
  });
});

describe('changing', () => {
  test('changes the given fields and leaves the rest', async () => {
    const { id } = await register({ description: 'a', event_types: ['payment.failed'], rate_per_second: 3 });
    const changed = await send('PATCH', `/v1/webhooks/${id}`, { body: { url: URL_OF(9), thin: true } });
    expect(changed.json().data).toMatchObject({
      url: URL_OF(9),
      thin: true,
      description: 'a',
      event_types: ['payment.failed'],
      rate_per_second: 3,
      recoverable: null,
    });
    const cleared = await send('PATCH', `/v1/webhooks/${id}`, {
      body: { description: null, event_types: [], rate_per_second: null },
    });
    expect(cleared.json().data).toMatchObject({ description: null, event_types: [], rate_per_second: null });
    const refused = await send('PATCH', `/v1/webhooks/${id}`, { body: { url: 'https://169.254.169.254/' } });
    expect(refused.statusCode).toBe(400);
  });

  test('of the URL lets what waits for another attempt begin again there, and nothing else does', async () => {
    const { id } = await register();
    await inTransaction(api, async (tx) => {
      const event = { id: newEventId(), type: 'payment.created' };
      await publishEvent(tx, { clientPk: caller.clientPk, userId: null, event });
      return { commit: true, value: null };
    });
    const lane = `lane_id = (SELECT lane_id FROM webhook_endpoints WHERE id = $1)`;
    const waiting = async () =>
      (await api.database.pool.query(`SELECT tries, run_at > now() AS later FROM jobs WHERE ${lane}`, [id]))
        .rows;
    await api.database.pool.query(
      `UPDATE jobs SET tries = 9, run_at = now() + interval '20 hours' WHERE ${lane}`,
      [id],
    );
    await send('PATCH', `/v1/webhooks/${id}`, { body: { description: 'Back office' } });
    expect(await waiting()).toEqual([{ tries: 9, later: true }]);
    await send('PATCH', `/v1/webhooks/${id}`, { body: { url: URL_OF(7) } });
    expect(await waiting()).toEqual([{ tries: 0, later: false }]);
  });

  test('disables with a reason, and enables with a clean record', async () => {
    const { id } = await register();
    const { laneId } = await api.database.prisma.webhookEndpoint.findUniqueOrThrow({ where: { id } });
    await api.database.prisma.lane.update({
      where: { id: laneId },
      data: { failures: 9, openUntil: new Date(Date.now() + 60_000) },
    });
    expect((await send('GET', `/v1/webhooks/${id}`)).json().data.paused_until).not.toBeNull();
    const disabled = await send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: false } });
    expect(disabled.json().data).toMatchObject({
      enabled: false,
      disabled_code: 'by_client',
      disabled_reason: 'You disabled it.',
      disabled_at: expect.any(String),
    });
    const enabled = await send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: true } });
    expect(enabled.json().data).toMatchObject({ enabled: true, disabled_code: null, paused_until: null });
    expect(await api.database.prisma.lane.findUniqueOrThrow({ where: { id: laneId } })).toMatchObject({
      failures: 0,
      openUntil: null,
    });
  });

  test('deletes: reads no longer find it, and its secrets are deleted', async () => {
    const { id } = await register();
    const answer = await send('DELETE', `/v1/webhooks/${id}`);
    expect(answer.json()).toMatchObject({ success: true, data: { id, deleted: true } });
    expect((await send('GET', `/v1/webhooks/${id}`)).statusCode).toBe(404);
    expect((await send('DELETE', `/v1/webhooks/${id}`)).statusCode).toBe(404);
    expect((await send('GET', '/v1/webhooks')).json().data).toEqual([]);
    expect(await api.database.prisma.webhookSecret.count({ where: { endpointId: id } })).toBe(0);
  });
});

describe('rotating the secret', () => {
  const validUntil = async (endpointId: string) => {
    const secrets = await api.database.prisma.webhookSecret.findMany({
      where: { endpointId },
      orderBy: { createdAt: 'asc' },
    });
    return secrets.map(({ expiresAt }) =>
      expiresAt === null ? null : Math.round((expiresAt.getTime() - Date.now()) / 60_000),
    );
  };

  test('keeps the old one for a day, for the given time, or not at all', async () => {
    const { id, secret } = await register();
    const day = (await send('POST', `/v1/webhooks/${id}/rotate-secret`)).json().data;
    expect(day.secret).toMatch(/^whsec_/);
    expect(day.secret).not.toBe(secret);
    expect(await validUntil(id)).toEqual([1440, null]);
    await send('POST', `/v1/webhooks/${id}/rotate-secret`, { body: { overlap_seconds: 604_800 } });
    expect(await validUntil(id)).toEqual([1440, 10_080, null]);
    await send('POST', `/v1/webhooks/${id}/rotate-secret`, { body: { overlap_seconds: 0 } });
    expect((await validUntil(id)).map((minutes) => minutes === null || minutes <= 0)).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  test('many times in a row ends the oldest secrets: at most five sign', async () => {
    const { id } = await register();
    for (let n = 0; n < 6; n += 1) await send('POST', `/v1/webhooks/${id}/rotate-secret`);
    expect((await validUntil(id)).filter((minutes) => minutes === null || minutes > 0)).toHaveLength(5);
  });

  test.each([-1, 604_801, 1.5, '60'])('refuses an overlap of %j', async (overlap_seconds) => {
    const { id } = await register();
    const answer = await send('POST', `/v1/webhooks/${id}/rotate-secret`, { body: { overlap_seconds } });
    expect(answer.json().message).toContain('overlap_seconds (must be a whole number from 0 to 604800)');
  });
});
