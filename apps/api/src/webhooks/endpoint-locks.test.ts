import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { writeDelivery, writeEvent } from '../testing/event-rows.ts';
import { openTestApi, type TestApi } from '../testing/test-api.ts';

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

const urlOf = (n: number) => `http://127.0.0.1:4200/hook/${n}`;

async function register(n = 0): Promise<{ id: string }> {
  const answer = await send('POST', '/v1/webhooks', { body: { url: urlOf(n) } });
  expect(answer.statusCode).toBe(200);
  return answer.json().data;
}

type Answer = Awaited<ReturnType<Send>>;
const codeOf = (answer: Answer): string => (answer.statusCode === 200 ? 'ok' : answer.json().code);

function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const code of answers.map(codeOf)) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}

const times = <T>(n: number, each: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: n }, (_, index) => each(index)));

const validSecrets = (endpointId: string) =>
  api.database.prisma.webhookSecret.count({
    where: { endpointId, OR: [{ expiresAt: null }, { expiresAt: { gt: new Date() } }] },
  });

/** Deadlocks of this database. A backend reports them at the latest when its transaction ends. */
async function deadlocks(): Promise<number> {
  const [row] = await api.database.prisma.$queryRaw<[{ n: number }]>`
    SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = current_database()`;
  return row.n;
}

describe('at the same time', () => {
  test('60 registrations make exactly 50 endpoints', async () => {
    const answers = await times(60, (n) => send('POST', '/v1/webhooks', { body: { url: urlOf(n) } }));
    expect(tally(answers)).toEqual({ ok: 50, endpoint_limit_reached: 10 });
    expect(await api.database.prisma.webhookEndpoint.count({ where: { clientPk: caller.clientPk } })).toBe(
      50,
    );
  });

  test('registrations with keys make exactly 50, and one of a URL makes one', async () => {
    const answers = await times(60, (n) =>
      send('POST', '/v1/webhooks', { body: { url: urlOf(n) }, key: `key-${n}` }),
    );
    expect(tally(answers)).toEqual({ ok: 50, endpoint_limit_reached: 10 });
    const other = requestsOf(api.app, await api.newCaller());
    const same = await times(20, () => other('POST', '/v1/webhooks', { body: { url: urlOf(0) } }));
    expect(tally(same)).toEqual({ ok: 1, endpoint_exists: 19 });
  });

  test('deleting and registering never exceed 50', async () => {
    const ids = (await times(50, register)).map(({ id }) => id);
    const answers = await Promise.all([
      ...ids.slice(0, 10).map((id) => send('DELETE', `/v1/webhooks/${id}`)),
      ...Array.from({ length: 30 }, (_, n) =>
        send('POST', '/v1/webhooks', { body: { url: urlOf(100 + n) } }),
      ),
    ]);
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['ok', 'endpoint_limit_reached']));
    const where = { clientPk: caller.clientPk, deletedAt: null };
    expect(await api.database.prisma.webhookEndpoint.count({ where })).toBeLessThanOrEqual(50);
  });

  test('40 rotations of one secret all succeed, and five secrets are valid', async () => {
    const { id } = await register();
    const answers = await times(40, () => send('POST', `/v1/webhooks/${id}/rotate-secret`));
    expect(tally(answers)).toEqual({ ok: 40 });
    expect(new Set(answers.map((answer) => answer.json().data.secret)).size).toBe(40);
    expect(await validSecrets(id)).toBe(5);
  });

  test('40 rotations without an overlap leave one secret valid', async () => {
    const { id } = await register();
    const body = { overlap_seconds: 0 };
    const answers = await times(40, (n) =>
      send('POST', `/v1/webhooks/${id}/rotate-secret`, { body, key: `rotate-${n}` }),
    );
    expect(tally(answers)).toEqual({ ok: 40 });
    expect(await validSecrets(id)).toBe(1);
  });

  test.each(['without keys', 'with keys'])(
    'changes of every kind to one endpoint do not deadlock, %s',
    async (keys) => {
      const { id } = await register();
      const eventId = await writeEvent(api.database, { clientPk: caller.clientPk });
      for (let n = 0; n < 20; n += 1) {
        const event = await writeEvent(api.database, { clientPk: caller.clientPk });
        await writeDelivery(api.database, { eventId: event, endpointId: id, status: 'failed' });
      }
      const before = await deadlocks();
      const since = new Date(Date.now() - 3_600_000).toISOString();
      const kinds: ((n: number, key: { key?: string }) => Promise<Answer>)[] = [
        (_, key) => send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: false }, ...key }),
        (_, key) => send('PATCH', `/v1/webhooks/${id}`, { body: { enabled: true }, ...key }),
        (n, key) =>
          send('PATCH', `/v1/webhooks/${id}`, {
            body: { url: urlOf(500 + n), rate_per_second: n + 1 },
            ...key,
          }),
        (n, key) =>
          send('PATCH', `/v1/webhooks/${id}`, { body: { description: `d${n}`, thin: n % 2 === 0 }, ...key }),
        (_, key) => send('POST', `/v1/webhooks/${id}/rotate-secret`, { ...key }),
        (_, key) => send('POST', `/v1/webhooks/${id}/recover`, { body: { since }, ...key }),
        (_, key) => send('POST', `/v1/events/${eventId}/redeliver`, { ...key }),
        (n, key) => send('POST', '/v1/webhooks', { body: { url: urlOf(900 + n) }, ...key }),
      ];
      const answers = await times(
        96,
        (n) =>
          (kinds[(n * 5) % kinds.length] ?? kinds[0])?.(
            n,
            keys === 'with keys' ? { key: `mix-${n}` } : {},
          ) as Promise<Answer>,
      );
      const codes = tally(answers);
      expect(
        Object.keys(codes).filter((code) => ['internal_error', 'service_unavailable'].includes(code)),
      ).toEqual([]);
      expect(await validSecrets(id)).toBeLessThanOrEqual(5);
      const deleted = await times(6, (n) =>
        send('DELETE', `/v1/webhooks/${id}`, keys === 'with keys' ? { key: `d-${n}` } : {}),
      );
      expect(tally(deleted)).toEqual({ ok: 1, endpoint_not_found: 5 });
      expect(await deadlocks()).toBe(before);
    },
  );
});

test('accepting does not wait for a client’s lock', async () => {
  const { database } = api;
  const holder = await database.pool.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM clients WHERE id = $1 FOR NO KEY UPDATE', [caller.clientPk]);
    await holder.query('SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE', [caller.userId]);
    const { client_id, client_secret, access_token } = caller;
    const answer = await api.app.inject({
      method: 'POST',
      url: '/v1/payments',
      headers: { client_id, client_secret, access_token, 'content-type': 'application/json' },
      payload: JSON.stringify({
        patient_mrn: 'MRN-12345',
        payment_method: 'Card',
        reference_number: '#1',
        location: '1404',
        amount: 350,
      }),
    });
    expect(answer.statusCode).toBe(200);
    await holder.query('ROLLBACK');
  } finally {
    holder.release();
  }
});
