import { openDatabase } from '@emr-payments/db';
import { openTestDatabase, sendRaw, URL_VALUES } from '@emr-payments/testkit';
import { openRelay } from '@emr-payments/testkit/relay';
import { afterEach, expect, test } from 'vitest';
import { buildHealthServer, type HealthServer } from './health.ts';
import { createWorkerMetrics, type WorkerMetrics } from './metrics.ts';
import { sandboxOfFile } from './testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from './testing/worker-fixture.ts';

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture | undefined;
afterEach(async () => {
  await fixture?.close();
  fixture = undefined;
});

type Opened = Pick<HealthServer, 'close'> & {
  port: number;
  get(path: string, init?: RequestInit): Promise<{ status: number; headers: Headers; body: string }>;
};

async function healthServer(metrics: WorkerMetrics, metricsToken?: string): Promise<Opened> {
  const server = buildHealthServer({
    checks: { postgres: async () => null, queue: async () => 'queue_full' },
    workerTrouble: () => null,
    metrics,
    metricsToken,
    stopping: new AbortController().signal,
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    port,
    close: () => server.close(),
    async get(path, init) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, init);
      return { status: answer.status, headers: answer.headers, body: await answer.text() };
    },
  };
}

test('while PostgreSQL is away, /metrics shows the numbers of the process and leaves out those of the rows', async () => {
  const { appUrl: url, drop } = await openTestDatabase();
  const relay = await openRelay(url);
  const database = openDatabase({ url: relay.url, poolSize: 2, applicationName: 'test' });
  const metrics = createWorkerMetrics({ database });
  const app = await healthServer(metrics);
  const scrape = async () => {
    const { status, body } = await app.get('/metrics');
    const gauges = body
      .split('\n')
      .filter((line) =>
        /^emr_payments_(jobs|oldest|needs|repeating|open|holds|ended|rate|wal_arch|work)/.test(line),
      );
    return { status, gauges, body };
  };
  metrics.posting({ adapter: 'fhir-r5', outcome: 'posted', seconds: 1 });
  const before = await scrape();
  await relay.cut();
  const away = await Promise.all([scrape(), scrape(), scrape()]);
  await relay.mend();
  const after = await scrape();
  await app.close();
  await database.close();
  await relay.cut();
  await drop();

  expect(before.gauges).toContain('emr_payments_repeating_payments 0');
  expect(before.gauges).toContain('emr_payments_work_measured 1');
  for (const { status, gauges, body } of away) {
    expect(status).toBe(200);
    expect(gauges).toEqual(['emr_payments_work_measured 0']);
    expect(body).toContain('emr_payments_postings_total{adapter="fhir-r5",outcome="posted"} 1');
  }
  expect(after.gauges).toEqual(before.gauges);
});

test('while PostgreSQL does not answer, a scrape has its answer within seconds, and all share one query', async () => {
  let asked = 0;
  const unanswered = () => {
    asked += 1;
    return new Promise<never>(() => undefined);
  };
  const metrics = createWorkerMetrics({ database: { pool: { query: unanswered } as never } });
  const app = await healthServer(metrics);
  const answers = await Promise.all(Array.from({ length: 20 }, () => app.get('/metrics')));
  await app.close();
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(answers[0]?.body).toContain('emr_payments_work_measured 0');
  // One after the other: the first was not answered.
  expect(asked).toBe(1);
});

test('/metrics wants the token when there is one', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  const app = await healthServer(fixture.deps.metrics, 'a-token-of-the-metrics');
  const ask = async (authorization: string) =>
    (await app.get('/metrics', { headers: { authorization } })).status;
  expect(await ask('Bearer wrong')).toBe(401);
  expect(await ask('Bearer a-token-of-the-metrics')).toBe(200);
  await app.close();
});

test('/metrics shows the work done, the work waiting and the open circuits', async () => {
  fixture = await openWorkerFixture({ sandbox: emr(), endpointUrl: 'http://127.0.0.1:1' });
  await fixture.accept();
  await fixture.workOne('post_payment');
  await fixture.accept();
  await fixture.rows("UPDATE jobs SET run_at = now() - interval '90 s' RETURNING 1");
  await fixture.rows(
    "UPDATE lanes SET open_until = now() + interval '1 minute' WHERE kind = 'connection' RETURNING 1",
  );

  await fixture.rows(`
    INSERT INTO rate_buckets (key, calls, per_ms, burst, interval_us, next_slots, feed_slots, paused_until)
    SELECT key, '{1}', '{1000}', '{1}', '{1100000}', ARRAY[now() + slot::interval], ARRAY[now()], now() + pause::interval
      FROM (VALUES ('a', '-1 s', null), ('b', '1 hour', '-1 s'), ('c', '1 hour', '1 hour'), ('d', '-1 s', '1 hour')) AS row(key, slot, pause)
    RETURNING 1`);

  await fixture.rows(`
    WITH lane AS (INSERT INTO lanes (kind, concurrency) SELECT 'endpoint', 64 FROM generate_series(1, 5) RETURNING id)
    INSERT INTO lane_caps (lane_id, cap, changed_at, confirmed_at, round_busy_ms, round_delivered, round_delivered_ms, version)
    SELECT lane.id, (ARRAY[64, 20, 10, 4, 4])[row_number() OVER (ORDER BY lane.id)], now(),
           now() - (ARRAY['0 s', '0 s', '0 s', '0 s', '2 min'])[row_number() OVER (ORDER BY lane.id)]::interval, 0, 0, 0, 1
      FROM lane RETURNING 1`);

  const app = await healthServer(fixture.deps.metrics);
  const answer = await app.get('/metrics');
  await app.close();

  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=/);
  const lines = answer.body.split('\n');
  expect(lines).toContain('emr_payments_postings_total{adapter="fhir-r5",outcome="posted"} 1');
  expect(lines).toContain('emr_payments_jobs{kind="post_payment",state="held_back"} 1');
  expect(lines).toContain('emr_payments_open_circuits{kind="connection"} 1');
  expect(lines).toContain('emr_payments_adapted_endpoints{cap="raised"} 2');
  expect(lines).toContain('emr_payments_adapted_endpoints{cap="lowered"} 1');
  expect(lines).toContain('emr_payments_rate_buckets{state="free"} 1');
  expect(lines).toContain('emr_payments_rate_buckets{state="used_up"} 1');
  expect(lines).toContain('emr_payments_rate_buckets{state="paused"} 2');
  const oldest = lines.find((line) =>
    line.startsWith('emr_payments_oldest_due_job_seconds{kind="deliver_webhook"}'),
  );
  expect(Number(oldest?.split(' ')[1])).toBeGreaterThan(89);
  expect(answer.body).not.toContain('MRN-12345');
});

test('no path or query of the worker’s own server is an error of ours', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  const app = await healthServer(fixture.deps.metrics);
  const { port } = app;
  const statuses = new Set<number>();
  for (const value of [...URL_VALUES, '..', '../metrics']) {
    for (const path of [
      `/${value}`,
      `/health/${value}`,
      `/health/live?${value}=${value}`,
      `/metrics/${value}`,
    ])
      statuses.add((await sendRaw({ port }, { method: 'GET', path })).status);
  }
  await app.close();
  expect([...statuses].filter((status) => status >= 500)).toEqual([]);
  expect(statuses).toContain(404);
});

test('the three routes are answered, without a body to HEAD, and nothing else is there', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  const app = await healthServer(fixture.deps.metrics);
  const live = await app.get('/health/live?probe=1');
  expect([live.status, live.body]).toEqual([200, '{"status":"ok"}']);
  expect(live.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const ready = await app.get('/health/ready');
  expect([ready.status, JSON.parse(ready.body)]).toEqual([
    503,
    { status: 'unavailable', postgres: 'up', schema: 'current', queue: 'down', reasons: ['queue_full'] },
  ]);
  const head = await app.get('/health/live', { method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), head.body]).toEqual([200, '15', '']);
  for (const path of ['/', '/health', '/health/live/']) expect((await app.get(path)).status).toBe(404);
  expect((await app.get('/health/live', { method: 'POST', body: '{}' })).status).toBe(404);
  await app.close();
  await expect(app.get('/health/live')).rejects.toThrow();
});

test('what can be counted is there from the first scrape, with 0', async () => {
  fixture = await openWorkerFixture({ sandbox: emr() });
  const app = await healthServer(fixture.deps.metrics);
  const { body } = await app.get('/metrics');
  await app.close();
  for (const outcome of ['posted', 'failed', 'needs_review', 'retrying', 'submitted'])
    expect(body).toContain(`emr_payments_postings_total{adapter="canvas",outcome="${outcome}"} 0\n`);
  for (const line of [
    'emr_payments_posting_seconds_count{adapter="fhir-r5"} 0',
    'emr_payments_delivery_attempts_total{result="delivered"} 0',
    'emr_payments_delivery_attempts_total{result="timeout"} 0',
    'emr_payments_own_faults_total{job="sync"} 0',
    'emr_payments_sweeper_repairs_total{reason="unclaimed"} 0',
    'emr_payments_partition_failures_total{what="make"} 0',
    'emr_payments_jobs{kind="sync_connection",state="held_back"} 0',
    'emr_payments_jobs_waiting_for_places{kind="post_payment"} 0',
    'emr_payments_open_circuits{kind="endpoint"} 0',
    'emr_payments_needs_review 0',
    'emr_payments_last_relay_timestamp_seconds 0',
    'emr_payments_places{kind="post_payment"} 0',
  ])
    expect(body).toContain(`${line}\n`);
  expect(body).toMatch(
    /^emr_payments_build_info\{component="worker",version="\d[^"]*",node="v\d[^"]*"\} 1$/m,
  );
});
