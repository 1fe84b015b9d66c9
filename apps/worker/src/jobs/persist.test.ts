import { DatabaseUnavailableError } from '@emr-payments/db';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { collectLog } from '../testing/collect-log.ts';
import { sandboxOfFile } from '../testing/sandbox-of-file.ts';
import { type WorkerFixture, workerFixtureOfFile } from '../testing/worker-fixture.ts';
import { persist } from './under-claim.ts';

const emr = sandboxOfFile();
const openWorkerFixture = workerFixtureOfFile();
let fixture: WorkerFixture;
let log: ReturnType<typeof collectLog>;
beforeEach(async () => {
  log = collectLog();
  fixture = await openWorkerFixture({ sandbox: emr() });
  fixture.deps.logger = log.logger;
});
afterEach(() => fixture.close());

const outage = () => new DatabaseUnavailableError('away');

test('an outcome that PostgreSQL does not take is said once with its payment, and once more when it is recorded', async () => {
  const paymentId = await fixture.accept();
  const { steps } = fixture.deps;
  let failures = 3;
  fixture.deps.steps = {
    ...steps,
    settlePayment: async (...input) => {
      failures -= 1;
      if (failures >= 0) throw outage();
      return steps.settlePayment(...input);
    },
  };
  await fixture.workOne('post_payment');
  expect(log.of('warn')).toEqual([
    {
      level: 'warn',
      message: 'PostgreSQL does not take the outcome: it is tried again for as long as the lease is held',
      payment_id: paymentId,
      job_id: expect.any(String),
      fence: expect.any(Number),
      err: expect.any(DatabaseUnavailableError),
    },
    {
      level: 'warn',
      message: 'the outcome is recorded now',
      payment_id: paymentId,
      job_id: expect.any(String),
      fence: expect.any(Number),
      duration_ms: expect.any(Number),
    },
  ]);
  expect(await fixture.rows('SELECT status FROM payments')).toEqual([{ status: 'posted' }]);
});

test('an outcome that is given up with its lease is said, and another error is not repeated', async () => {
  let checks = 2;
  const held = {
    ...fixture.deps.leases.hold({ jobId: '7', fence: 1 }, performance.now()),
    isSafe: () => {
      checks -= 1;
      return checks > 0;
    },
  };
  const of = { payment_id: 'p' };
  const away = outage();
  await expect(persist(fixture.deps, { held, of }, () => Promise.reject(away))).rejects.toBe(away);
  expect(log.of('warn').map(({ message, payment_id }) => [message, payment_id])).toEqual([
    ['PostgreSQL does not take the outcome: it is tried again for as long as the lease is held', 'p'],
    [
      'the outcome was not recorded before the lease ran out: the next worker that claims the job finds out what happened',
      'p',
    ],
  ]);
  const fault = new Error('a fault');
  await expect(persist(fixture.deps, { held, of }, () => Promise.reject(fault))).rejects.toBe(fault);
  expect(log.lines).toHaveLength(2);
});
