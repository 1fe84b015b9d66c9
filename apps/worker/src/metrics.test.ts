import { openTransport } from '@emr-payments/runtime';
import { afterEach, expect, test } from 'vitest';
import { buildHealthServer } from './health.ts';
import { openWorkerFixture, type WorkerFixture } from './worker.fixture.ts';

let fixture: WorkerFixture;
afterEach(() => fixture.close());

test('/metrics tells what was done, what waits, and which circuits are open', async () => {
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
