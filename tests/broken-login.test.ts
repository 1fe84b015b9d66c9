import { type CountingProxy, openCountingProxy } from '@emr-payments/testkit';
import { Client as Session } from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { openService, type Service, type ServicePractice } from './service/open-service.ts';

/** A password that is changed at the EMR on Friday and given to this service on Monday, on real processes. */

const PATIENCE = { timeout: 90_000, interval: 100 };

let service: Service;
let proxy: CountingProxy;
let practice: ServicePractice;
let session: Session;
beforeAll(async () => {
  service = await openService({ name: 'broken-login', workers: 2 });
  proxy = await openCountingProxy(service.stack.emrUrl);
  practice = await service.addPractice({
    capability: 'lookup',
    mrn: 'MRN-12345',
    emrPatientId: 'pat-1001',
    baseUrl: `${proxy.url}/fhir`,
    concurrency: 4,
  });
  session = new Session({ connectionString: service.database.url });
  session.on('error', () => undefined);
  await session.connect();
  // The first sync of every practice is an exchange with the same EMR. The next one is a day later.
  await vi.waitFor(
    async () =>
      expect(
        await rows(`SELECT count(*)::int AS n FROM connections c
                     WHERE NOT EXISTS (SELECT FROM sync_runs r WHERE r.user_id = c.user_id AND r.ended_at IS NOT NULL)`),
      ).toEqual([{ n: 0 }]),
    PATIENCE,
  );
}, 180_000);
afterAll(async () => {
  await session?.end();
  await service?.close();
  await proxy?.close();
});

const accepted: string[] = [];
async function pay(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const { payment_id } = await practice.client.payments.create({
      patient_mrn: practice.mrn,
      payment_method: 'Card',
      reference_number: `#${accepted.length}`,
      location: '1404',
      amount: 20,
    });
    accepted.push(payment_id);
  }
}
const rows = async (sql: string) => (await session.query(sql)).rows;
const calls = () => Object.values(proxy.counts()).reduce((sum, n) => sum + n, 0);
async function eventTypes(): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of practice.client.events.list({ limit: 100 })) types.push(type);
  return types;
}
const stopped = () =>
  vi.waitFor(
    async () =>
      expect(
        await rows('SELECT count(*)::int AS n FROM connection_states WHERE stopped_until > now()'),
      ).toEqual([{ n: 1 }]),
    PATIENCE,
  );

test('payments wait over the weekend behind one stop and one event, and are posted once when the login is mended', {
  timeout: 300_000,
}, async () => {
  // Those of the first sync.
  const before = calls();
  await service.fault({ kind: 'unauthorized' });
  await pay(30);
  await stopped();
  // The calls that were under way have ended.
  await vi.waitFor(
    async () =>
      expect(
        await rows(
          `SELECT count(*)::int AS n FROM jobs WHERE kind = 'post_payment' AND queued_at IS NOT NULL`,
        ),
      ).toEqual([{ n: 0 }]),
    PATIENCE,
  );
  const friday = calls();
  expect(friday - before).toBeLessThanOrEqual(8);
  const { health } = await practice.client.connection.get();
  expect(health).toMatchObject({ state: 'login_required', last_trouble: { code: 'unauthorized' } });
  expect(await eventTypes()).toEqual(['connection.broken']);
  const metrics = await (await fetch(`${service.stack.workers[0]?.url}/metrics`)).text();
  expect(metrics).toContain('emr_payments_connections{state="login_required"} 1');
  const listed = await service.cli(['payment', 'list', '--user', practice.publicId]);
  expect(listed.stdout).toContain(`The connection of ${practice.publicId} is login_required since`);
  expect(listed.stdout).toContain('30 payments wait');

  // Three days pass, with a probe, and payments go on to be accepted.
  await session.query(
    `UPDATE payments SET tried_since = tried_since - interval '3 days', created_at = created_at - interval '3 days'`,
  );
  await session.query(
    `UPDATE connection_states SET since = since - interval '3 days', stopped_until = now() WHERE stopped_until > now()`,
  );
  await vi.waitFor(() => expect(calls()).toBeGreaterThan(friday), PATIENCE);
  await stopped();
  expect(calls()).toBeLessThanOrEqual(friday + 2);
  await pay(5);
  expect(await eventTypes()).toEqual(['connection.broken']);
  expect(await service.ledger()).toEqual([]);

  await service.clearFaults();
  const mended = await service.cli(
    [
      ...[
        'user',
        'connect',
        '--user',
        practice.publicId,
        '--adapter',
        'fhir-r5',
        '--base-url',
        `${proxy.url}/fhir`,
      ],
      ...[
        '--time-zone',
        'UTC',
        '--concurrency',
        '4',
        '--credentials',
        '-',
        '--setting',
        'conditional_create=false',
      ],
      ...['--setting', 'timeout_ms=20000', '--setting', 'settle_ms=500'],
    ],
    JSON.stringify({ bearer_token: 'the-new-password' }),
  );
  expect(mended, mended.stderr).toMatchObject({ code: 0 });
  await vi.waitFor(
    async () =>
      expect(await rows('SELECT status::text, count(*)::int AS n FROM payments GROUP BY 1')).toEqual([
        { status: 'posted', n: 35 },
      ]),
    PATIENCE,
  );
  const entries = (await service.ledger()).map(({ payment_id }) => payment_id);
  expect(entries.toSorted()).toEqual(accepted.toSorted());
  const types = await eventTypes();
  expect(types.filter((type) => !type.startsWith('payment.'))).toEqual([
    'connection.restored',
    'connection.broken',
  ]);
  expect(types.filter((type) => type.startsWith('payment.'))).toEqual(Array(35).fill('payment.created'));
  expect((await practice.client.connection.get()).health.state).toBe('connected');
});
