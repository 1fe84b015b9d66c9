import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { type CountingProxy, openCountingProxy } from '@emr-payments/testkit';
import { Client as Session } from 'pg';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openService, type Service, type ServicePractice } from './service/open-service.ts';

/** The hold, on real processes: once `hold on` has ended, no request reaches the EMR until `hold off`. */

const PATIENCE = { timeout: 60_000, interval: 50 };
const PER_SECOND = 50;

const paymentOf = ({ mrn }: ServicePractice, reference: string) => ({
  patient_mrn: mrn,
  payment_method: 'Card',
  reference_number: reference,
  location: '1404',
  amount: 20,
});

describe('under load', () => {
  let service: Service;
  let proxy: CountingProxy;
  let practices: ServicePractice[];
  beforeAll(async () => {
    service = await openService({ name: 'hold', workers: 2, leaseMs: 3_000 });
    proxy = await openCountingProxy(service.stack.emrUrl);
    const baseUrl = `${proxy.url}/fhir`;
    practices = [
      await service.addPractice({
        capability: 'lookup',
        mrn: 'MRN-12345',
        emrPatientId: 'pat-1001',
        baseUrl,
      }),
      await service.addPractice({
        capability: 'conditional-create',
        mrn: 'MRN-12346',
        emrPatientId: 'pat-1002',
        baseUrl,
      }),
    ];
  }, 180_000);
  afterAll(async () => {
    await service?.close();
    await proxy?.close();
  });

  test('nothing reaches the EMR after hold on; after hold off everything is posted, once', {
    timeout: 180_000,
  }, async () => {
    // Slow calls are under way whenever the hold begins, and lost answers make look-ups.
    await service.fault({ kind: 'latency', latency_ms: 150 });
    await service.fault({ kind: 'commit_then_500', share: 0.1, seed: 7, match: { method: 'POST' } });
    const accepted: string[] = [];
    const refused: unknown[] = [];
    let loading = true;
    const requests: Promise<unknown>[] = [];
    const load = (async () => {
      for (let n = 0; loading; n += 1) {
        const practice = practices[n % practices.length];
        if (practice === undefined) break;
        requests.push(
          practice.client.payments.create(paymentOf(practice, `#${n}`)).then(
            ({ payment_id }) => accepted.push(payment_id),
            (error: unknown) => refused.push(error),
          ),
        );
        await pause(1_000 / PER_SECOND);
      }
    })();

    await vi.waitFor(() => expect(proxy.counts().POST).toBeGreaterThan(60), PATIENCE);
    const on = await service.cli(['hold', 'on', '--reason', 'test']);
    const atHold = proxy.counts();
    expect(on).toMatchObject({ code: 0 });
    const acceptedAtHold = accepted.length;
    await vi.waitFor(() => expect(accepted.length).toBeGreaterThan(acceptedAtHold + 200), PATIENCE);
    loading = false;
    await load;
    await Promise.all(requests);
    expect(proxy.counts()).toEqual(atHold);
    expect(refused).toEqual([]);

    const { stdout } = await service.cli(['hold', 'status', '--json']);
    const { waiting } = JSON.parse(stdout).holds[0];
    expect(waiting).toBeGreaterThan(200);
    const held = await practices[0]?.client.payments.get(accepted.at(-1) ?? '').catch(() => undefined);
    const other = await practices[1]?.client.payments.get(accepted.at(-1) ?? '').catch(() => undefined);
    expect(held ?? other).toMatchObject({ status: 'accepted', on_hold: true });
    const metrics = await (await fetch(`${service.stack.workers[0]?.url}/metrics`)).text();
    expect(metrics).toContain('emr_payments_holds{scope="all"} 1');
    expect(readFileSync(service.stack.workers[0]?.logFile ?? '', 'utf8')).toContain('posting is on hold');
    expect(proxy.counts()).toEqual(atHold);

    await service.clearFaults();
    expect(await service.cli(['hold', 'off'])).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      const ids = (await service.ledger()).map(({ payment_id }) => payment_id);
      expect(ids.length).toBeGreaterThanOrEqual(accepted.length);
    }, PATIENCE);
    const session = new Session({ connectionString: service.database.url });
    await session.connect();
    try {
      await vi.waitFor(async () => {
        const { rows } = await session.query('SELECT status, count(*)::int AS n FROM payments GROUP BY 1');
        expect(rows).toEqual([{ status: 'posted', n: accepted.length }]);
      }, PATIENCE);
    } finally {
      await session.end();
    }
    const entries = (await service.ledger()).map(({ payment_id }) => payment_id);
    expect(entries.toSorted()).toEqual(accepted.toSorted());
  });
});

describe('a worker that is frozen between its record of a send and the send', () => {
  let service: Service;
  let proxy: CountingProxy;
  let practice: ServicePractice;
  let session: Session;
  beforeAll(async () => {
    service = await openService({ name: 'hold-frozen', leaseMs: 2_000 });
    proxy = await openCountingProxy(service.stack.emrUrl);
    practice = await service.addPractice({
      capability: 'lookup',
      mrn: 'MRN-12345',
      emrPatientId: 'pat-1001',
      baseUrl: `${proxy.url}/fhir`,
    });
    session = new Session({ connectionString: service.database.url });
    session.on('error', () => undefined);
    await session.connect();
  }, 180_000);
  afterAll(async () => {
    await session?.end();
    await service?.close();
    await proxy?.close();
  });

  const count = async (sql: string) => (await session.query<{ n: number }>(sql)).rows[0]?.n;

  test('sends nothing when it wakes during the hold', { timeout: 120_000 }, async () => {
    const [worker] = service.stack.workers;
    if (worker === undefined) throw new Error('no worker');
    // The worker waits for this lock with the attempt that it is about to record.
    await session.query('BEGIN');
    await session.query('LOCK TABLE posting_attempts IN SHARE MODE');
    const { payment_id } = await practice.client.payments.create(paymentOf(practice, '#frozen'));
    await vi.waitFor(async () => {
      const waiting = `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'posting_attempts'::regclass`;
      expect(await count(waiting)).toBe(1);
    }, PATIENCE);
    process.kill(worker.pid, 'SIGSTOP');
    try {
      await session.query('COMMIT');
      await vi.waitFor(async () => {
        expect(await count('SELECT count(*)::int AS n FROM posting_attempts')).toBe(1);
      }, PATIENCE);
      const on = await service.cli(['hold', 'on']);
      expect(on).toMatchObject({ code: 0 });
    } finally {
      process.kill(worker.pid, 'SIGCONT');
    }
    const before = proxy.counts();
    // How its claim ends, and so what it logs, depends on who was first to take the lease back.
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${worker.url}/metrics`)).text();
      expect(metrics).toContain('emr_payments_places_taken{kind="post_payment"} 0');
    }, PATIENCE);
    expect(proxy.counts()).toEqual(before);
    expect(before.POST).toBe(0);
    expect(await service.cli(['hold', 'off'])).toMatchObject({ code: 0 });
    await vi.waitFor(async () => {
      expect(await practice.client.payments.get(payment_id)).toMatchObject({ status: 'posted' });
    }, PATIENCE);
    expect((await service.ledger()).map((entry) => entry.payment_id)).toEqual([payment_id]);
  });
});
