import {
  CREATE_PAYMENT_EXAMPLE,
  newConnectSessionId,
  newUserId,
  paymentIdToUuid,
} from '@emr-payments/contracts';
import { hashSecret } from '@emr-payments/runtime';
import Fastify, { type LightMyRequestResponse } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { requestsOf, type Send } from '../testing/client-requests.ts';
import { writeEvent } from '../testing/event-rows.ts';
import { credentialHeaders, openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';
import { AUDITED_ROUTES, demandAudit } from './audited-routes.ts';

const ADDRESS = '192.0.2.7';
const PATIENCE = { timeout: 30_000, interval: 50 };

let api: TestApi;
let caller: Awaited<ReturnType<TestApi['newCaller']>>;
let requests: ReturnType<typeof userRequests>;
let client: Send;

beforeAll(async () => {
  api = await openTestApi();
  caller = await api.newCaller();
  // All requests of these tests come from one address.
  const app = { inject: (options: object) => api.app.inject({ remoteAddress: ADDRESS, ...options }) };
  requests = userRequests({ app: app as TestApi['app'] }, caller);
  client = requestsOf(app as TestApi['app'], caller);
});
afterAll(() => api.close());

async function settled(status: 'failed' | 'needs_review'): Promise<string> {
  const { payment_id } = await requests.pay();
  await putInto(api, { paymentId: payment_id, status });
  return payment_id;
}

let hosts = 0;
async function endpoint(): Promise<string> {
  hosts += 1;
  const made = await client('POST', '/v1/webhooks', { body: { url: `http://127.0.0.1:${hosts}/hook` } });
  return (made.json() as { data: { id: string } }).data.id;
}

async function event(): Promise<string> {
  const { payment_id, job_id } = await requests.pay();
  const payment = { id: paymentIdToUuid(payment_id), jobId: job_id };
  return writeEvent(api.database, { clientPk: caller.clientPk, payment });
}

type Request = () => Promise<LightMyRequestResponse>;

/** Makes what each route needs and returns the request, which succeeds. */
const REQUESTS: Record<string, () => Promise<Request>> = {
  'POST /v1/payments': async () => () => requests.post('/v1/payments', CREATE_PAYMENT_EXAMPLE),
  'POST /v1/payments/:id/retry': async () => {
    const id = await settled('failed');
    return () => requests.post(`/v1/payments/${id}/retry`, undefined);
  },
  'POST /v1/payments/:id/resolve': async () => {
    const id = await settled('needs_review');
    return () => requests.post(`/v1/payments/${id}/resolve`, { outcome: 'not_posted', note: 'Not there' });
  },
  'POST /v1/sync': async () => () => requests.post('/v1/sync', undefined),
  'POST /v1/webhooks': async () => () =>
    client('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:9/new' } }),
  'PATCH /v1/webhooks/:id': async () => {
    const id = await endpoint();
    return () => client('PATCH', `/v1/webhooks/${id}`, { body: { description: 'Front desk' } });
  },
  'DELETE /v1/webhooks/:id': async () => {
    const id = await endpoint();
    return () => client('DELETE', `/v1/webhooks/${id}`);
  },
  'POST /v1/webhooks/:id/rotate-secret': async () => {
    const id = await endpoint();
    return () => client('POST', `/v1/webhooks/${id}/rotate-secret`);
  },
  'POST /v1/webhooks/:id/test': async () => {
    const id = await endpoint();
    return () => client('POST', `/v1/webhooks/${id}/test`);
  },
  'POST /v1/webhooks/:id/recover': async () => {
    const id = await endpoint();
    return () => client('POST', `/v1/webhooks/${id}/recover`, { body: { since: '2026-06-15T00:00:00Z' } });
  },
  'POST /v1/events/:id/redeliver': async () => {
    const id = await event();
    await endpoint();
    return () => client('POST', `/v1/events/${id}/redeliver`);
  },
  'GET /v1/payments': async () => () => requests.get('/v1/payments'),
  'GET /v1/payments/:id': async () => {
    const { payment_id } = await requests.pay();
    return () => requests.get(`/v1/payments/${payment_id}`);
  },
  'GET /v1/patients': async () => () => requests.get('/v1/patients?mrn=MRN-12345'),
  'PUT /v1/patients/:mrn': async () => () =>
    api.app.inject({
      method: 'PUT',
      url: '/v1/patients/MRN-7',
      headers: credentialHeaders(caller),
      payload: { emr_patient_id: 'p7' },
      remoteAddress: ADDRESS,
    }),
  'POST /v1/patients::import': async () => () =>
    api.app.inject({
      method: 'POST',
      url: '/v1/patients:import',
      headers: { ...credentialHeaders(caller), 'content-type': 'text/csv' },
      payload: 'mrn,emr_patient_id\nMRN-8,p8\n',
      remoteAddress: ADDRESS,
    }),
  'GET /v1/jobs/:job_id': async () => {
    const { job_id } = await requests.pay();
    return () => requests.get(`/v1/jobs/${job_id}`);
  },
  'GET /v1/reconciliation': async () => () => requests.get('/v1/reconciliation?date=2026-06-15&format=csv'),
  'GET /v1/webhooks/:id/deliveries': async () => {
    const id = await endpoint();
    return () => client('GET', `/v1/webhooks/${id}/deliveries`);
  },
  'GET /v1/events': async () => () => client('GET', '/v1/events'),
  'GET /v1/events/:id': async () => {
    const id = await event();
    return () => client('GET', `/v1/events/${id}`);
  },
};

REQUESTS['POST /v1/connect-sessions'] = async () => {
  await api.database.prisma.clientReturnUrl.create({
    data: { clientPk: caller.clientPk, url: 'https://app.example.com/back' },
  });
  return () =>
    client('POST', '/v1/connect-sessions', { body: { return_url: 'https://app.example.com/back' } });
};
REQUESTS['POST /v1/connect-sessions/:id/token'] = async () => {
  const id = newConnectSessionId();
  const user = await api.database.prisma.user.create({
    data: { publicId: newUserId(), name: 'Connected', clientPk: caller.clientPk },
  });
  await api.database.prisma.connectSession.create({
    data: {
      id,
      clientPk: caller.clientPk,
      userId: user.id,
      state: 'connected',
      returnUrl: '',
      linkHash: new Uint8Array(hashSecret(id)),
      expiresAt: new Date(Date.now() + 60_000),
    },
  });
  return () => client('POST', `/v1/connect-sessions/${id}/token`);
};

const audited = Object.entries(AUDITED_ROUTES).filter(([, route]) => !('none' in route));

test('every route that changes something is audited, and every audited one is tried', () => {
  // An EMR's notice changes nothing that anybody could ask about, and its sender is no client.
  const changesNothing = ['POST /v1/emr-notices/:secret'];
  const writes = Object.keys(AUDITED_ROUTES).filter(
    (route) => !route.startsWith('GET ') && !changesNothing.includes(route),
  );
  expect(audited.map(([name]) => name)).toEqual(expect.arrayContaining(writes));
  expect(Object.keys(REQUESTS).sort()).toEqual(audited.map(([name]) => name).sort());
});

describe('leaves one entry with client, user and address:', () => {
  test.each(audited)('%s', async (name, route) => {
    const action = 'entry' in route ? route.entry : 'counted' in route ? route.counted : 'payment.create';
    const request = await REQUESTS[name]?.();
    const before = (await api.audited()).length;
    const answer = await request?.();
    expect(answer?.statusCode, answer?.body).toBe(200);
    const entries = (await api.audited()).slice(before);
    expect(entries).toMatchObject([{ action, outcome: 'done', count: 1 }]);
    const [entry] = entries;
    const ofUser = /^\S+ \/v1\/(payments|patients|jobs|reconciliation|sync)/.test(name);
    expect([entry?.actor, entry?.userId, entry?.source]).toEqual([
      `client:${caller.client_id}`,
      ofUser ? caller.publicId : null,
      ADDRESS,
    ]);
    // A counted entry names its minute.
    expect(entry?.minute === null).toBe('entry' in route);
  });
});

test('reads of one minute are one entry with their count; refused ones are none', async () => {
  const { payment_id } = await requests.pay();
  const before = (await api.audited()).length;
  for (let n = 0; n < 20; n += 1) await requests.get(`/v1/payments/${payment_id}`);
  await requests.get('/v1/payments/nothing');
  await requests.get('/v1/payments?limit=0');
  const entries = (await api.audited()).slice(before);
  // They may lie on both sides of the end of a minute.
  expect(entries.length).toBeLessThanOrEqual(2);
  expect(entries.reduce((sum, { count }) => sum + count, 0)).toBe(20);
  expect(entries[0]).toMatchObject({ action: 'payment.read', subject: `user:${caller.publicId}` });
});

test('an answer that is given again is counted as that; nothing was changed', async () => {
  const key = { 'idempotency-key': 'k-1' };
  await requests.post('/v1/payments', CREATE_PAYMENT_EXAMPLE, key);
  const body = { url: 'http://127.0.0.1:9/again' };
  await client('POST', '/v1/webhooks', { body, key: 'k-2' });
  const before = (await api.audited()).length;
  await requests.post('/v1/payments', CREATE_PAYMENT_EXAMPLE, key);
  await client('POST', '/v1/webhooks', { body, key: 'k-2' });
  expect((await api.audited()).slice(before)).toMatchObject([
    { action: 'answer.replay', userId: caller.publicId, count: 1 },
    { action: 'answer.replay', userId: null, count: 1 },
  ]);
});

test('a payment is counted also when it is accepted too late for its answer', async () => {
  const slow = await openTestApi({ limits: { waitMs: 300 } });
  try {
    const { get, post } = userRequests(slow, await slow.newCaller());
    // Keeps the credentials in the cache, so that the payment alone waits.
    await vi.waitFor(async () => expect((await get('/v1/payments')).statusCode).toBe(200), PATIENCE);
    await slow.database.prisma.$transaction(async (tx) => {
      await tx.$executeRaw`LOCK TABLE payments`;
      expect((await post('/v1/payments', CREATE_PAYMENT_EXAMPLE)).statusCode).toBe(503);
    });
    await vi.waitFor(async () => expect(await slow.database.prisma.payment.count()).toBe(1), PATIENCE);
    await vi.waitFor(async () => {
      const counted = (await slow.audited()).filter(({ action }) => action === 'payment.create');
      expect(counted).toMatchObject([{ outcome: 'done', count: 1 }]);
    }, PATIENCE);
  } finally {
    await slow.close();
  }
});

describe('the API does not start', () => {
  const appWith = (routes: readonly string[]) => {
    const app = Fastify();
    const done = demandAudit(app);
    for (const route of routes) {
      const [method = '', url = ''] = route.split(' ');
      app.route({ method, url, handler: async () => 'x' });
    }
    return done;
  };
  const all = Object.keys(AUDITED_ROUTES);

  test('with a route under /v1 that nobody thought about', () => {
    expect(appWith(all)).not.toThrow();
    expect(appWith([...all, 'POST /v1/refunds'])).toThrow(
      /missing: POST \/v1\/refunds; without a route: none/,
    );
  });

  test('with an entry whose route is gone', () => {
    expect(appWith(all.slice(1))).toThrow(/missing: none; without a route: POST \/v1\/payments/);
  });
});

describe('an id of another tenant', () => {
  const seen = async (request: (mine: ReturnType<typeof userRequests>, own: Send) => Promise<unknown>) => {
    const mine = await api.newCaller();
    const before = (await api.audited()).length;
    await request(userRequests(api, mine), requestsOf(api.app, mine));
    const entries = (await api.audited()).slice(before).filter(({ action }) => action === 'tenant.refused');
    expect(entries.every(({ actor }) => actor === `client:${mine.client_id}`)).toBe(true);
    return entries.map(({ subject, count, detail }) => [subject, count, detail]);
  };
  const owner = () => ({ owner: `client:${caller.client_id}` });

  test('is recorded with its owner wherever an id can be given', async () => {
    const { payment_id, job_id } = await requests.pay();
    const [eventId, endpointId] = [await event(), await endpoint()];
    const recovery = await client('POST', `/v1/webhooks/${endpointId}/recover`, {
      body: { since: '2026-06-15T00:00:00Z' },
    });
    const recoveryId = (recovery.json() as { data: { id: string } }).data.id;

    const byUser = await seen(async ({ get, post }) => {
      await get(`/v1/payments/${payment_id}`);
      await get(`/v1/payments/${payment_id}`);
      await post(`/v1/payments/${payment_id}/retry`, undefined);
      await post(`/v1/payments/${payment_id}/resolve`, { outcome: 'not_posted', note: 'x' });
      await get(`/v1/jobs/${job_id}`);
    });
    expect(byUser).toEqual([
      [`payment:${payment_id}`, 4, owner()],
      [`job:${job_id}`, 1, owner()],
    ]);

    const byClient = await seen(async (_user, own) => {
      const made = await own('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:9/own' } });
      const { id } = (made.json() as { data: { id: string } }).data;
      for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
        await own(method, `/v1/webhooks/${endpointId}`, method === 'PATCH' ? { body: { thin: true } } : {});
      }
      await own('POST', `/v1/webhooks/${endpointId}/rotate-secret`);
      await own('POST', `/v1/webhooks/${endpointId}/test`);
      await own('GET', `/v1/webhooks/${endpointId}/deliveries`);
      await own('POST', `/v1/webhooks/${endpointId}/recover`, { body: { since: '2026-06-15T00:00:00Z' } });
      await own('GET', `/v1/webhooks/${id}/recoveries/${recoveryId}`);
      await own('GET', `/v1/events/${eventId}`);
      await own('POST', `/v1/events/${eventId}/redeliver`, { body: { endpoint_id: endpointId } });
      await own('GET', `/v1/events?payment_id=${payment_id}`);
      await own('GET', `/v1/events?job_id=${job_id}`);
    });
    expect(byClient).toEqual([
      [`endpoint:${endpointId}`, 8, owner()],
      [`recovery:${recoveryId}`, 1, owner()],
      [`event:${eventId}`, 1, owner()],
      [`payment:${payment_id}`, 1, owner()],
      [`job:${job_id}`, 1, owner()],
    ]);
  });

  test('is recorded too when it is an access token', async () => {
    const entries = await seen(async (_user, own) => {
      await own('GET', '/v1/webhooks');
    });
    expect(entries).toEqual([]);
    const mine = await api.newCaller();
    const before = (await api.audited()).length;
    const headers = { ...credentialHeaders(mine), access_token: caller.access_token };
    expect((await api.app.inject({ url: '/v1/payments', headers })).statusCode).toBe(404);
    expect((await api.audited()).slice(before)).toMatchObject([
      { action: 'credential.use', subject: 'credential:user_not_found', actor: `client:${mine.client_id}` },
      {
        action: 'tenant.refused',
        subject: `user:${caller.publicId}`,
        actor: `client:${mine.client_id}`,
        detail: owner(),
      },
    ]);
  });

  test('is not recorded where nothing has the id, or it is the caller’s own', async () => {
    const entries = await seen(async ({ get, pay }, own) => {
      const { payment_id } = await pay();
      await get(`/v1/payments/${payment_id}`);
      await get('/v1/payments/00000000000000000000000000000000');
      await get('/v1/jobs/999999999');
      await own('GET', '/v1/events/evt_nothing');
      await own('GET', `/v1/events?payment_id=${payment_id}`);
      const made = await own('POST', '/v1/webhooks', { body: { url: 'http://127.0.0.1:9/own' } });
      const { id } = (made.json() as { data: { id: string } }).data;
      await own('DELETE', `/v1/webhooks/${id}`);
      await own('GET', `/v1/webhooks/${id}`);
    });
    expect(entries).toEqual([]);
  });
});
