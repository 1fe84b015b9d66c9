import { PUBLISHED_BODY } from '@emr-payments/stack';
import { Client as Session } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { openService, type Service } from './service/open-service.ts';

/** The audit log's counts, on real processes: two APIs, a stop by SIGTERM, and a kill. */

const PATIENCE = { timeout: 30_000, interval: 100 };

let service: Service;
let session: Session;
let from = 0;

beforeAll(async () => {
  service = await openService({ name: 'audit' });
  await service.stack.addApi();
  session = new Session({ connectionString: service.database.url });
  await session.connect();
}, 180_000);
afterAll(async () => {
  await session?.end();
  await service?.close();
});
beforeEach(async () => {
  const { rows } = await session.query('SELECT coalesce(max(id), 0)::int AS last FROM audit_log');
  from = rows[0].last;
});

type Entry = { actor: string; user_id: string | null; source: string; subject: string; count: number };

/** The entries of an action since the test began; those of several minutes and processes added up. */
async function counted(action: string, outcome = 'done'): Promise<Entry[]> {
  const { rows } = await session.query<Entry>(
    `SELECT actor, user_id, source, subject, sum(count)::int AS count FROM audit_log
      WHERE id > $1 AND action = $2 AND outcome = $3 AND minute IS NOT NULL GROUP BY 1, 2, 3, 4 ORDER BY 4`,
    [from, action, outcome],
  );
  return rows;
}

/** Sends requests to the APIs in turn, some at once, and repeats those above the rate limit. */
async function send(
  requests: number,
  init: () => RequestInit & { path: string },
  repeat = true,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < requests) {
      const { apis } = service.stack;
      const api = apis[next % apis.length];
      next += 1;
      const { path, ...options } = init();
      let answer = await fetch(`${api?.url}${path}`, options);
      while (repeat && answer.status === 429) {
        await answer.arrayBuffer();
        await new Promise((resolve) => setImmediate(resolve));
        answer = await fetch(`${api?.url}${path}`, options);
      }
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const headers = () => {
  const { client_id, client_secret, access_token } = service.stack.demo;
  return { client_id, client_secret, access_token, 'content-type': 'application/json' };
};
const payment = () => ({
  path: '/v1/payments',
  method: 'POST',
  headers: headers(),
  body: JSON.stringify(PUBLISHED_BODY),
});
const made = async (): Promise<number> => {
  const { rows } = await session.query('SELECT count(*)::int AS n FROM payments');
  return rows[0].n;
};

test('two processes that are stopped have counted every payment, read and rejected credential', {
  timeout: 120_000,
}, async () => {
  const before = await made();
  await send(435, payment);
  expect((await made()) - before).toBe(435);
  await send(40, () => ({ path: '/v1/payments', headers: headers() }));
  // Far more than the limit of 120 a minute and address: most are refused without a look-up.
  const wrong = { ...headers(), client_id: 'ci_stranger' };
  await send(400, () => ({ path: '/v1/webhooks', headers: wrong }), false);
  const { apis, demo } = service.stack;
  for (const api of apis) expect(await api.stop()).toMatchObject({ code: 0 });

  const who = { actor: `client:${demo.client_id}`, source: '127.0.0.1' };
  const [accepted, ...more] = await counted('payment.create');
  expect(more).toEqual([]);
  expect(accepted).toMatchObject({ ...who, user_id: expect.stringMatching(/^user_/), count: 435 });
  expect(await counted('payment.list')).toMatchObject([{ ...who, user_id: accepted?.user_id, count: 40 }]);
  const refused = await counted('credential.use', 'refused');
  expect(refused).toMatchObject([
    { actor: 'client:ci_stranger', source: '127.0.0.1', subject: 'credential:invalid_client' },
    { actor: 'client:ci_stranger', source: '127.0.0.1', subject: 'credential:rate_limited' },
  ]);
  expect(refused.reduce((sum, { count }) => sum + count, 0)).toBe(400);
  for (const api of apis) await api.start();
});

test('of a process that is killed at most numbers of the running minute are missing, not who did what', {
  timeout: 120_000,
}, async () => {
  const [api, second] = service.stack.apis;
  await second?.stop();
  await fetch(`${api?.url}/v1/payments`, payment());
  await vi.waitFor(async () => expect(await counted('payment.create')).toHaveLength(1), PATIENCE);
  for (let n = 0; n < 10; n += 1) await fetch(`${api?.url}/v1/payments`, payment());
  await api?.kill();
  const [entry] = await counted('payment.create');
  expect(entry).toMatchObject({ actor: `client:${service.stack.demo.client_id}`, source: '127.0.0.1' });
  expect(entry?.count).toBeGreaterThanOrEqual(1);
  expect(entry?.count).toBeLessThanOrEqual(11);
});
