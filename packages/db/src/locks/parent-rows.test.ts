import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SYSTEM } from '../audit/entry.ts';
import { inTransaction } from '../core/transaction.ts';
import { claimDelivery } from '../delivery/claim-delivery.ts';
import { recordDelivery } from '../delivery/record-delivery.ts';
import { redeliverEvent } from '../delivery/redeliver-event.ts';
import { changeEndpoint } from '../endpoints/change-endpoint.ts';
import { registerEndpoint, registerEndpointIn } from '../endpoints/register-endpoint.ts';
import { rotateSigningSecret } from '../endpoints/rotate-signing-secret.ts';
import { endHold, startHold } from '../holds/switch-hold.ts';
import { feedJobs } from '../jobs/feed-jobs.ts';
import { createUser } from '../tenants/create-user.ts';
import { disableClient, disableEndpoint, disableUser, enableEndpoint } from '../tenants/disable.ts';
import { rotateAccessToken, rotateClientSecret } from '../tenants/rotate-credentials.ts';
import type { OpenPractice } from '../testing/open-practice.ts';
import { practiceOfFile } from '../testing/practice-of-file.ts';
import { lockClient, lockEndpoint, lockUser } from './parent-rows.ts';

let practice: OpenPractice;
const sessions: Client[] = [];
const begin = practiceOfFile();
beforeEach(async () => {
  practice = await begin();
});
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.end()));
});

const PATIENCE = { timeout: 30_000, interval: 10 };
const by = SYSTEM;
const sql = async (text: string, values: unknown[] = []) =>
  (await practice.database.pool.query(text, values)).rows;
const times = <T>(n: number, each: (n: number) => Promise<T>) =>
  Promise.all(Array.from({ length: n }, (_, index) => each(index)));

/** Another session on the database of the test, in a transaction. */
async function session(): Promise<Client> {
  const client = new Client({ connectionString: practice.url });
  sessions.push(client);
  await client.connect();
  await client.query('BEGIN');
  return client;
}

/** Waits until a statement of the pool waits for a lock. */
const untilOneWaits = () =>
  vi.waitUntil(async () => {
    const waiting = await sql(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return waiting.length > 0;
  }, PATIENCE);

const endpointId = () => practice.endpointId ?? '';

describe('rotations at the same time', () => {
  test('of a client’s secret leave two valid, those of the last two', async () => {
    const { clientId, clientPk } = practice;
    const rotated = await times(12, () => rotateClientSecret(practice, { clientId, overlapMs: 60_000, by }));
    expect(new Set(rotated.map(({ outcome }) => outcome))).toEqual(new Set(['rotated']));
    const [row] = await sql(
      `SELECT count(*) FILTER (WHERE expires_at IS NULL)::int AS lasting,
              count(*) FILTER (WHERE expires_at IS NULL OR expires_at > now())::int AS valid
         FROM client_secrets WHERE client_pk = $1`,
      [clientPk],
    );
    expect(row).toEqual({ lasting: 1, valid: 2 });
  });

  test('of a user’s access token leave two valid, and without an overlap one', async () => {
    const { publicId, userId } = practice;
    const valid = async () =>
      (
        await sql(
          'SELECT count(*)::int AS n FROM access_tokens WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > now())',
          [userId],
        )
      )[0].n;
    await times(12, () => rotateAccessToken(practice, { publicId, overlapMs: 60_000, by }));
    expect(await valid()).toBe(2);
    await times(12, () => rotateAccessToken(practice, { publicId, overlapMs: 0, by }));
    expect(await valid()).toBe(1);
  });

  test.each(['client', 'user'] as const)('with its disabling: a disabled %s gets no secret', async (what) => {
    const other = await session();
    const table = what === 'client' ? 'clients' : 'users';
    await other.query(`UPDATE ${table} SET disabled_at = now()`);
    const input = { overlapMs: 1000, by };
    const rotating =
      what === 'client'
        ? rotateClientSecret(practice, { ...input, clientId: practice.clientId })
        : rotateAccessToken(practice, { ...input, publicId: practice.publicId });
    await untilOneWaits();
    await other.query('COMMIT');
    expect(await rotating).toEqual({ outcome: 'disabled' });
  });
});

test('a user is made while its client is locked: foreign keys do not wait', async () => {
  const other = await session();
  await other.query('SELECT FROM clients FOR NO KEY UPDATE');
  const { clientPk } = practice;
  expect(await createUser(practice, { clientPk, name: 'Back office' })).toMatchObject({
    publicId: expect.any(String),
  });
});

test('each of the three locks waits for its like', async () => {
  const { clientPk, userId } = practice;
  for (const lock of [
    (tx: Parameters<typeof lockClient>[0]) => lockClient(tx, { clientPk }),
    (tx: Parameters<typeof lockUser>[0]) => lockUser(tx, { userId }),
    (tx: Parameters<typeof lockEndpoint>[0]) => lockEndpoint(tx, { clientPk, endpointId: endpointId() }),
  ]) {
    const order: string[] = [];
    const second = { started: Promise.resolve<unknown>(null) };
    await inTransaction(practice, async (tx) => {
      await lock(tx);
      second.started = inTransaction(practice, async (later) => {
        await lock(later);
        order.push('second');
        return { commit: false, value: null };
      });
      await untilOneWaits();
      order.push('first');
      return { commit: false, value: null };
    });
    await second.started;
    expect(order).toEqual(['first', 'second']);
  }
});

describe('an operator', () => {
  const twin = async () => {
    const { clientPk } = practice;
    await disableEndpoint(practice, { endpointId: endpointId(), by });
    return registerEndpoint(practice, { clientPk, url: 'https://EXAMPLE.com:443/hook', secret: 'whsec_x' });
  };

  test('cannot enable an endpoint whose URL another enabled one has', async () => {
    const otherId = await twin();
    expect(await enableEndpoint(practice, { endpointId: endpointId(), by })).toEqual({
      outcome: 'exists',
      otherId,
    });
    await disableEndpoint(practice, { endpointId: otherId, by });
    expect(await enableEndpoint(practice, { endpointId: endpointId(), by })).toEqual({ outcome: 'done' });
    expect(await enableEndpoint(practice, { endpointId: otherId, by })).toMatchObject({ outcome: 'exists' });
    expect(await enableEndpoint(practice, { endpointId: 'we_none', by })).toEqual({ outcome: 'not_found' });
  });

  test('and a client at the same time enable one of two', async () => {
    const otherId = await twin();
    await disableEndpoint(practice, { endpointId: otherId, by });
    const { clientPk } = practice;
    await Promise.all([
      enableEndpoint(practice, { endpointId: endpointId(), by }),
      inTransaction(practice, async (tx) => ({
        commit: true,
        value: await changeEndpoint(tx, {
          key: { clientPk, endpointId: otherId },
          changes: { enabled: true },
          by,
        }),
      })),
    ]);
    expect(await sql('SELECT count(*)::int AS n FROM webhook_endpoints WHERE disabled_at IS NULL')).toEqual([
      { n: 1 },
    ]);
  });

  test('who switches twice writes once', async () => {
    const { clientId, publicId } = practice;
    const state = async () => ({
      rows: await sql(
        `SELECT (SELECT array_agg(xmin::text) FROM clients) AS clients, (SELECT array_agg(xmin::text) FROM users) AS users,
                (SELECT array_agg(xmin::text) FROM webhook_endpoints) AS endpoints, (SELECT array_agg(xmin::text ORDER BY id) FROM lanes) AS lanes,
                (SELECT array_agg(xmin::text ORDER BY id) FROM holds) AS holds, (SELECT count(*)::int FROM audit_log) AS audited`,
      ),
    });
    for (const [first, again] of [
      [() => disableEndpoint(practice, { endpointId: endpointId(), by }), 'unchanged'],
      [() => enableEndpoint(practice, { endpointId: endpointId(), by }), { outcome: 'unchanged' }],
      [() => startHold(practice, { scope: 'all', reason: 'x', by }), false],
      [() => endHold(practice, { scope: 'all', by }), { outcome: 'not_on' }],
      [() => disableUser(practice, { publicId, by }), 'unchanged'],
      [() => disableClient(practice, { clientId, by }), 'unchanged'],
    ] as const) {
      await first();
      const before = await state();
      expect(await first()).toEqual(again);
      expect(await state()).toEqual(before);
    }
  });
});

test('a hold does not end while a restore is being begun', async () => {
  await startHold(practice, { scope: 'all', reason: null, by });
  const other = await session();
  // As beginRestore does it, in one statement.
  await other.query('SELECT FROM holds FOR SHARE');
  await other.query(`INSERT INTO restores (since, started_by) VALUES (now(), 'test')`);
  const ending = endHold(practice, { scope: 'all', by });
  await untilOneWaits();
  await other.query('COMMIT');
  expect(await ending).toMatchObject({ outcome: 'restore_unfinished' });
  expect(await sql('SELECT count(*)::int AS n FROM holds WHERE ended_at IS NULL')).toEqual([{ n: 1 }]);
});

describe('a delivery’s end', () => {
  const attempt = {
    startedAt: new Date(),
    durationMs: 5,
    httpStatus: 500,
    errorKind: 'http_status',
    excerpt: '',
  };

  async function claimed() {
    await sql(
      `INSERT INTO events (id, client_pk, type, body) VALUES ('evt_1', $1, 'payment.created', '{}') ON CONFLICT DO NOTHING`,
      [practice.clientPk],
    );
    await redeliverEvent(practice, { eventId: 'evt_1', clientPk: null, endpointId: null, by });
    const [job] = await feedJobs(practice, 10);
    const delivery = await claimDelivery(practice, {
      jobId: job?.id ?? '',
      fence: job?.fence ?? -1,
      leaseMs: 60_000,
    });
    if (delivery === null) throw new Error('the delivery could not be claimed');
    return delivery;
  }

  test.each(['failed', 'delivered'])(
    'locks the endpoint before its lane, as a change of the endpoint does: %s',
    async (how) => {
      const { claim, clientPk, laneId } = await claimed();
      if (how !== 'failed') {
        await sql('UPDATE webhook_endpoints SET failing_since = now()');
        await sql('UPDATE lanes SET failures = 2');
      }
      const other = await session();
      await other.query('SELECT FROM webhook_endpoints FOR NO KEY UPDATE');
      const recording = recordDelivery(practice, {
        claim,
        clientPk,
        attempt,
        next: how === 'failed' ? { status: 'pending', delayMs: 0 } : { status: 'delivered' },
        disabling: null,
      });
      await untilOneWaits();
      // The lane is free: a change that holds the endpoint goes on to it.
      await other.query('SELECT FROM lanes WHERE id = $1 FOR NO KEY UPDATE NOWAIT', [laneId]);
      await other.query('COMMIT');
      expect(await recording).toMatchObject({ written: true });
      const failures = how === 'failed' ? 1 : 0;
      expect(await sql('SELECT failures FROM lanes WHERE id = $1', [laneId])).toEqual([{ failures }]);
    },
  );
});

test('an endpoint registered twice in a transaction that is under way is one', async () => {
  const { clientPk, keyring } = practice;
  const input = { clientPk, url: 'https://example.com/new', secret: 'whsec_x' };
  const outcomes = await times(8, () =>
    inTransaction(practice, async (tx) => ({
      commit: true,
      value: await registerEndpointIn({ ...tx, keyring }, input),
    })),
  );
  expect(outcomes.filter(({ outcome }) => outcome === 'registered')).toHaveLength(1);
});

test('a rotation and a reseal lock an endpoint’s secrets in one order', async () => {
  const { keyring } = practice;
  const rotate = () =>
    inTransaction(practice, async (tx) => {
      await lockEndpoint(tx, { clientPk: practice.clientPk, endpointId: endpointId() });
      const rotation = { endpointId: endpointId(), secret: 'whsec_x', overlapSeconds: 60, by };
      return { commit: true, value: await rotateSigningSecret({ ...tx, keyring }, rotation) };
    });
  // The last by id is the newest, with which a rotation would begin without an order.
  const ids = ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff'];
  await sql('DELETE FROM webhook_secrets');
  for (const id of ids)
    await sql(`INSERT INTO webhook_secrets (id, endpoint_id, sealed) VALUES ($1, $2, 'x')`, [
      id,
      endpointId(),
    ]);
  const other = await session();
  // A reseal has the first of them and comes to the last.
  await other.query('SELECT FROM webhook_secrets WHERE id = $1 FOR NO KEY UPDATE', [ids[0]]);
  const rotating = rotate();
  await untilOneWaits();
  await other.query('SELECT FROM webhook_secrets WHERE id = $1 FOR NO KEY UPDATE NOWAIT', [ids.at(-1)]);
  await other.query('COMMIT');
  expect(await rotating).toBeInstanceOf(Date);
});
