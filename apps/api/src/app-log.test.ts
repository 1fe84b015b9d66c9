import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { ACCEPTED, HEADERS, payment, plainApps } from './app.fixture.ts';
import type { HealthChecks } from './health.ts';

const { lines, ...apps } = plainApps();
let app: FastifyInstance;
async function open(...given: Parameters<typeof apps.open>): Promise<FastifyInstance> {
  app = await apps.open(...given);
  return app;
}
afterEach(() => app.close());

describe('health', () => {
  const down = () => Promise.reject(new Error('down'));
  const never = () => new Promise<null>(() => undefined);
  const up = async () => null;
  const troubles = {
    readOnly: async () => 'postgres_read_only' as const,
    behind: async () => 'schema_behind' as const,
    moved: async () => 'queue_moved' as const,
  };

  test.each<[string, HealthChecks['postgres'], HealthChecks['queue'], string]>([
    ['everything up', up, up, '200 ok up current up'],
    ['the queue down', up, down, '200 degraded up current down queue_unreachable'],
    ['the queue of a cluster', up, troubles.moved, '200 degraded up current down queue_moved'],
    ['Postgres down', down, up, '503 unavailable down unknown up postgres_unreachable'],
    ['read-only', troubles.readOnly, up, '503 unavailable down unknown up postgres_read_only'],
    ['an older schema', troubles.behind, up, '503 unavailable up behind up schema_behind'],
    [
      'neither answering',
      never,
      never,
      '503 unavailable down unknown down postgres_unreachable queue_unreachable',
    ],
  ])('%s', async (_name, postgres, queue, expected) => {
    await open({ checks: { postgres, queue } }, { limits: { healthCheckMs: 50 } });
    const answer = await app.inject('/health/ready');
    const { status, reasons, ...parts } = answer.json();
    const shown = [answer.statusCode, status, parts.postgres, parts.schema, parts.queue, ...reasons];
    expect(shown.join(' ')).toBe(expected);
    expect((await app.inject('/health/live')).json()).toEqual({ status: 'ok' });
  });

  test('probes that come together ask once', async () => {
    let asked = 0;
    const postgres = async () => {
      asked += 1;
      return null;
    };
    await open({ checks: { postgres, queue: up } }, { limits: { healthReuseMs: 60_000 } });
    await Promise.all([1, 2, 3].map(() => app.inject('/health/ready')));
    await app.inject('/health/ready');
    expect(asked).toBe(1);
  });

  test('a process that stops says so at once, works on, and ends connections in use', async () => {
    const stop = new AbortController();
    await open({ stopping: stop.signal }, { limits: { healthReuseMs: 60_000 } });
    const before = await app.inject(payment());
    expect((await app.inject('/health/ready')).json()).toMatchObject({ status: 'ok' });
    stop.abort();
    const ready = await app.inject('/health/ready');
    expect([ready.statusCode, ready.json().status]).toEqual([503, 'stopping']);
    const during = await app.inject(payment());
    expect([before, during].map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(before.headers.connection).not.toBe('close');
    expect(during.headers.connection).toBe('close');
    expect((await app.inject('/health/live')).statusCode).toBe(200);
  });
});

describe('the log', () => {
  test('has one line for a request, of allow-listed fields', async () => {
    await open();
    await app.inject(payment({ 'x-request-id': 'r1' }));
    await app.inject('/health/live');
    await app.inject({ url: '/v1/secret-MRN?x=1', headers: { 'x-request-id': 'r2' } });
    const duration_ms = expect.any(Number);
    expect(lines).toEqual([
      {
        level: 'info',
        fields: {
          request_id: 'r1',
          method: 'POST',
          route: '/v1/payments',
          status: 200,
          duration_ms,
          source: '127.0.0.1',
          client_id: 'ci',
          user_id: 'user_1',
          payment_id: ACCEPTED.paymentId,
          job_id: 12345,
        },
      },
      { level: 'debug', fields: expect.objectContaining({ route: '/health/live' }) },
      {
        level: 'info',
        fields: {
          request_id: 'r2',
          method: 'GET',
          status: 404,
          duration_ms,
          source: '127.0.0.1',
          code: 'route_not_found',
        },
      },
    ]);
  });

  test('names a client without a user, the claimed one of a refused request, and never what is no client id', async () => {
    const accessToken = 'at_live_secret_of_the_test';
    await open({ lookup: { findClient: async () => null, findUser: async () => null } });
    const wrong = (clientId: string | string[]) =>
      app.inject({
        url: '/v1/webhooks',
        headers: { ...HEADERS, client_id: clientId, access_token: accessToken },
      });
    for (const each of [
      'ci_claimed',
      'cs_secret_in_the_wrong_place',
      `ci_${'x'.repeat(300)}`,
      'ci_a b',
      ['ci_a', 'cs_b'],
    ])
      await wrong(each);
    expect(lines.map(({ fields }) => [fields.status, fields.client_id, fields.source])).toEqual([
      [401, 'ci_claimed', '127.0.0.1'],
      ...Array.from({ length: 4 }, () => [401, undefined, '127.0.0.1']),
    ]);
    expect(JSON.stringify(lines)).not.toMatch(/secret|cs_/);
  });

  test('never has a patient’s number, wherever a request puts it', async () => {
    await open();
    const mrn = 'MRN-SECRET';
    for (const url of [
      `/v1/payments?patient_mrn=${mrn}`,
      `/v1/payments/${mrn}`,
      `/${mrn}`,
      `/v1/jobs/${mrn}?x=${mrn}`,
    ]) {
      await app.inject({ url, headers: { ...HEADERS, 'x-request-id': 'a b' } });
    }
    expect(lines.length).toBeGreaterThanOrEqual(4);
    expect(JSON.stringify(lines)).not.toContain(mrn);
  });
});
