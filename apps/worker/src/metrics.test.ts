import type { AddressInfo } from 'node:net';
import { openTransport } from '@emr-payments/runtime';
import { sendRaw, URL_VALUES } from '@emr-payments/testkit';
import { afterEach, expect, test } from 'vitest';
import { buildHealthServer } from './health.ts';
import { openWorkerFixture, type WorkerFixture } from './testing/worker-fixture.ts';

let fixture: WorkerFixture;
afterEach(() => fixture.close());

test('/metrics shows the work done, the work waiting and the open circuits', async () => {
  fixture = await openWorkerFixture();
  await fixture.accept();
  await fixture.workOne('post_payment');
  await fixture.accept();
  await fixture.rows("UPDATE jobs SET run_at = now() - interval '90 s' RETURNING 1");
  await fixture.rows("UPDATE lanes SET open_until = now() + interval '1 minute' RETURNING 1");

  const { database, deps } = fixture;
  const databaseUrl = database.pool.options.connectionString ?? '';
  const transport = openTransport({ logger: deps.logger }, { databaseUrl });
  const app = buildHealthServer({ database, transport, metrics: deps.metrics });
  const answer = await app.inject('/metrics');
  await app.close();
  await transport.close();

  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=/);
  const lines = answer.body.split('\n');
  expect(lines).toContain('emr_payments_postings_total{adapter="fhir-r5",outcome="posted"} 1');
  expect(lines).toContain('emr_payments_jobs{kind="post_payment",state="due"} 1');
  expect(lines).toContain('emr_payments_open_circuits{kind="connection"} 1');
  const oldest = lines.find((line) =>
    line.startsWith('emr_payments_oldest_due_job_seconds{kind="post_payment"}'),
  );
  expect(Number(oldest?.split(' ')[1])).toBeGreaterThan(89);
  expect(answer.body).not.toContain('MRN');
});

test('no path or query of the worker’s own server is an error of ours', async () => {
  fixture = await openWorkerFixture();
  const { database, deps } = fixture;
  const databaseUrl = database.pool.options.connectionString ?? '';
  const transport = openTransport({ logger: deps.logger }, { databaseUrl });
  const app = buildHealthServer({ database, transport, metrics: deps.metrics });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
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
  await transport.close();
  expect([...statuses].filter((status) => status >= 500)).toEqual([]);
  expect(statuses).toContain(404);
});
