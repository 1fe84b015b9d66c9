import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction } from '../core/transaction.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { changeEndpoint, deleteEndpoint } from '../endpoints/change-endpoint.ts';
import { disableEndpoint, enableEndpoint } from '../tenants/disable.ts';
import { pruneBatch } from '../upkeep/prune.ts';
import { BY, openRecoveries, type Tenant } from './recovery.fixture.ts';

let it: Awaited<ReturnType<typeof openRecoveries>>;
beforeAll(async () => {
  it = await openRecoveries();
});
afterEach(async () => {
  await it.rows(`TRUNCATE jobs; UPDATE recoveries SET state = 'done' WHERE state = 'running'`);
});
afterAll(() => it.close());

describe('in the middle of a recovery', () => {
  const halfWay = async (input: { eventTypes?: string[] } = {}) => {
    const tenant = await it.tenant(input);
    const events = await it.events(tenant, { count: 100 });
    const recovery = await it.started(tenant);
    // One turn: the next is due after a tenth of a second, which a busy machine may take for what follows.
    expect(await it.turn()).toMatchObject({ queued: 20 });
    await it.rows('DELETE FROM jobs WHERE id = (SELECT max(id) FROM jobs)');
    await it.rows(
      `UPDATE deliveries SET status = 'delivered', finished_at = now()
        WHERE recovery_id = $1 AND NOT EXISTS (SELECT FROM jobs WHERE delivery_id = deliveries.id)`,
      [recovery.id],
    );
    return { tenant, events, recovery };
  };
  const change = (tenant: Tenant, changes: { enabled?: boolean; eventTypes?: string[] }) =>
    inTransaction(it, async (tx) => {
      await changeEndpoint(tx, { key: tenant, changes, by: BY });
      return { commit: true, value: null };
    });

  const stops: [string, (tenant: Tenant) => Promise<unknown>][] = [
    ['the client disables the endpoint', (tenant) => change(tenant, { enabled: false })],
    ['the operator disables it', (tenant) => disableEndpoint(it, { endpointId: tenant.endpointId, by: BY })],
    [
      'the client deletes it',
      async (tenant) => {
        await inTransaction(it, async (tx) => ({
          commit: true,
          value: await deleteEndpoint(tx, { key: tenant, by: BY }),
        }));
      },
    ],
    [
      'the receiver answers 410',
      async (tenant) => {
        const [job] = await it.rows<{ id: string }>(
          `UPDATE jobs SET fence = 1, queued_at = now(), lease_until = now() + interval '1 minute'
            WHERE id = (SELECT min(id) FROM jobs) RETURNING id::text`,
        );
        const [endpoint] = await it.rows<{ url: string }>('SELECT url FROM webhook_endpoints WHERE id = $1', [
          tenant.endpointId,
        ]);
        await recordDelivery(it, {
          claim: { jobId: job?.id ?? '', fence: 1 },
          clientPk: tenant.clientPk,
          attempt: {
            startedAt: new Date(),
            durationMs: 1,
            httpStatus: 410,
            errorKind: 'http_status',
            excerpt: null,
          },
          next: { status: 'failed' },
          disabling: {
            url: endpoint?.url ?? '',
            when: 'now',
            code: 'gone',
            reason: 'It answered 410 Gone.',
            event: { id: `evt_${tenant.endpointId}`, type: 'endpoint.disabled', body: '{}' },
          },
        });
      },
    ],
    [
      'a worker of an earlier version disables it',
      (tenant) =>
        it.rows(`UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1`, [tenant.endpointId]),
    ],
  ];
  test.each(stops)('%s: it is canceled, and sends nothing more', async (name, stop) => {
    const { tenant, recovery } = await halfWay();
    await stop(tenant);
    await it.passTime();
    await it.turns();
    const waiting = name.includes('earlier version') ? 19 : 0;
    expect(await it.jobs()).toBe(waiting);
    expect(await it.find(recovery)).toMatchObject({
      state: 'canceled',
      total: null,
      found: 20,
      delivered: 1,
      failed: 19 - waiting,
      pending: waiting,
    });
    await it.rows('UPDATE webhook_endpoints SET disabled_at = NULL, deleted_at = NULL WHERE id = $1', [
      tenant.endpointId,
    ]);
    await it.passTime();
    expect(await it.turns()).toBe(0);
  });

  test('it is disabled and enabled again: the next recovery sends the rest', async () => {
    const { tenant, events, recovery } = await halfWay();
    await change(tenant, { enabled: false });
    await enableEndpoint(it, { endpointId: tenant.endpointId, by: BY });
    const next = await it.started(tenant);
    expect(await it.run(next)).toHaveLength(events.length - 1);
    expect(await it.find(recovery)).toMatchObject({ state: 'canceled', found: 20, delivered: 1 });
  });

  test('when only the last ends are not counted yet, disabling leaves it done', async () => {
    const tenant = await it.tenant();
    await it.events(tenant, { count: 5 });
    const recovery = await it.started(tenant);
    await it.turns();
    await it.deliver();
    await change(tenant, { enabled: false });
    await it.run(recovery);
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 5, delivered: 5 });
  });

  test('a claim that found the endpoint disabled ends after the recovery came by: nothing is lost', async () => {
    const tenant = await it.tenant();
    const [event = ''] = await it.events(tenant, { count: 1 });
    await it.deliveries(tenant.endpointId, { events: [event], status: 'pending' });
    await it.rows(
      `INSERT INTO jobs (kind, lane_id, event_id, delivery_id, fence, tries, queued_at, lease_until)
       SELECT 'deliver_webhook', e.lane_id, d.event_id, d.id, 1, 3, now(), now() + interval '1 minute'
         FROM deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.event_id = $1`,
      [event],
    );
    await change(tenant, { enabled: false });
    await change(tenant, { enabled: true });
    const recovery = await it.started(tenant);
    await it.turns();
    expect(await it.find(recovery)).toMatchObject({ total: 0 });
    const [job] = await it.rows<{ id: string }>('SELECT id::text FROM jobs');
    const claim = { jobId: job?.id ?? '', fence: 1 };
    const end = {
      clientPk: tenant.clientPk,
      attempt: null,
      next: { status: 'canceled' },
      disabling: null,
    } as const;
    expect(await recordDelivery(it, { claim, ...end })).toEqual({ written: true, disabled: false });
    expect(await it.rows('SELECT fence, tries, queued_at, run_at <= now() AS due FROM jobs')).toEqual([
      { fence: 2, tries: 3, queued_at: null, due: true },
    ]);
    const states = () => it.rows('SELECT status FROM deliveries WHERE event_id = $1', [event]);
    expect(await states()).toEqual([{ status: 'pending' }]);
    await it.rows('UPDATE webhook_endpoints SET disabled_at = now() WHERE id = $1', [tenant.endpointId]);
    await recordDelivery(it, { claim: { ...claim, fence: 2 }, ...end });
    expect(await states()).toEqual([{ status: 'canceled' }]);
  });

  test('the event types change: those of the moment count', async () => {
    const { tenant, recovery } = await halfWay();
    await it.events(tenant, { count: 7, from: 200, type: 'payment.failed' });
    await change(tenant, { eventTypes: ['payment.failed'] });
    await it.run(recovery);
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 27, delivered: 27 });
  });

  test('retention removes events: it ends with those that were left', async () => {
    const { tenant, recovery, events } = await halfWay();
    await it.rows(
      `UPDATE events SET created_at = now() - interval '31 days' WHERE client_pk = $1 AND NOT id = ANY ($2)`,
      [tenant.clientPk, events.slice(0, 50)],
    );
    await pruneBatch(it, { what: 'events', days: 1 });
    await it.run(recovery);
    const ended = await it.find(recovery);
    expect(ended.state).toBe('done');
    expect(ended.delivered + ended.failed).toBeLessThanOrEqual(ended.total ?? 0);
    // A recovery that runs is not removed itself, however old.
    const old = await it.started(tenant);
    await it.rows(`UPDATE recoveries SET created_at = now() - interval '90 days' WHERE id = $1`, [old.id]);
    await pruneBatch(it, { what: 'recoveries', days: 30 });
    expect(await it.find(old)).toMatchObject({ state: 'running' });
  });

  test('an event is redelivered by hand: it counts as ended, not as delivered', async () => {
    const { recovery } = await halfWay();
    await it.deliver('failed');
    await it.rows(
      `UPDATE deliveries SET status = 'pending', finished_at = NULL, recovery_id = NULL
        WHERE id = (SELECT min(id) FROM deliveries WHERE recovery_id = $1 AND status = 'failed')`,
      [recovery.id],
    );
    await it.run(recovery);
    expect(await it.find(recovery)).toMatchObject({ state: 'done', total: 100, delivered: 81, failed: 18 });
  });
});
