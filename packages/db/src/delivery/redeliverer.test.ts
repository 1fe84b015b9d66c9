import { createShares } from '@emr-payments/runtime';
import { openTestDatabase, type TestDatabase } from '@emr-payments/testkit';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listAudit } from '../audit/list-audit.ts';
import { type Database, openDatabase } from '../core/database.ts';
import { DatabaseUnavailableError } from '../core/statements.ts';
import {
  type RedeliverInput,
  type RedeliverOutcome,
  redeliverEvent,
  redeliverEvents,
} from './redeliver-event.ts';
import { createRedeliverer, type RedeliverRequest } from './redeliverer.ts';

let server: TestDatabase;
let owner: Database;
let alone: Database;
let together: Database;
const others: Client[] = [];

const sql = async <Row = Record<string, unknown>>(text: string, values: unknown[] = []): Promise<Row[]> =>
  (await owner.pool.query(text, values)).rows;
const open = (options: { lockMs?: number } = {}) =>
  openDatabase({ url: server.appUrl, poolSize: 4, applicationName: 'test', plannedOnce: true, ...options });

beforeAll(async () => {
  server = await openTestDatabase();
  owner = openDatabase({ url: server.url, poolSize: 4, applicationName: 'test owner' });
  alone = openDatabase({ url: server.appUrl, poolSize: 8, applicationName: 'test alone' });
  together = open({ lockMs: 100 });
});
beforeEach(async () => {
  await sql(`TRUNCATE jobs, deliveries, delivery_attempts, events, idempotency_keys CASCADE`);
  await sql(`DELETE FROM webhook_endpoints; DELETE FROM clients`);
  for (const world of ['a', 'b']) await build(world);
});
afterEach(async () => {
  await Promise.all(others.splice(0).map((client) => client.end()));
});
afterAll(async () => {
  await Promise.all([together.close(), alone.close(), owner.close()]);
  await server.drop();
});

const STATES = ['delivered', 'failed', 'canceled', 'pending', null] as const;

/**
 * Two clients with endpoints that are enabled for all types or one, disabled, and deleted; and an event of each type for each state of a
 * delivery. Worlds are equal but for their ids.
 */
async function build(world: string): Promise<void> {
  await sql(
    `WITH client AS (
       INSERT INTO clients (client_id, name) SELECT 'ci_' || $1 || n, 'Client' FROM generate_series(1, 2) AS n RETURNING id, client_id
     ), kind(name, types) AS (VALUES ('all', '{}'::text[]), ('one', '{payment.failed}'), ('off', '{}'), ('gone', '{}')),
     lane AS (INSERT INTO lanes (kind, concurrency) SELECT 'endpoint', 64 FROM client CROSS JOIN kind RETURNING id),
     lanes AS (SELECT id, row_number() OVER (ORDER BY id) AS n FROM lane),
     wanted AS (SELECT *, row_number() OVER (ORDER BY client_id, name) AS n FROM client CROSS JOIN kind)
     INSERT INTO webhook_endpoints (id, client_pk, lane_id, url, event_types, disabled_at, deleted_at)
     SELECT 'we_' || wanted.name || substr(wanted.client_id, 4), wanted.id, lanes.id, 'https://example.com/' || wanted.client_id || wanted.name,
            types, CASE WHEN name = 'off' THEN now() END, CASE WHEN name = 'gone' THEN now() END
       FROM wanted JOIN lanes USING (n)`,
    [world],
  );
  for (const client of [1, 2])
    for (const type of ['created', 'failed'])
      for (const state of STATES) {
        const eventId = eventOf(world, client, type, state);
        await sql(
          `INSERT INTO events (id, client_pk, type, body) SELECT $1, id, 'payment.' || $2::text, '{}' FROM clients WHERE client_id = $3`,
          [eventId, type, `ci_${world}${client}`],
        );
        if (state !== null)
          await sql(
            `INSERT INTO deliveries (event_id, endpoint_id, event_type, status, attempts, finished_at)
             VALUES ($1, $2, 'payment.' || $3::text, $4::delivery_status, 3, CASE WHEN $4 <> 'pending' THEN now() END)`,
            [eventId, `we_all${world}${client}`, type, state],
          );
      }
}

const eventOf = (world: string, client: number, type: string, state: string | null) =>
  `evt_${type}${state}${world}${client}`;

async function pkOf(world: string, client: number): Promise<number> {
  const [row] = await sql<{ id: number }>('SELECT id FROM clients WHERE client_id = $1', [
    `ci_${world}${client}`,
  ]);
  return row?.id ?? 0;
}

/** A request as a world's: its ids have the world in them. */
type Ask = {
  asker: number | null;
  owner: number;
  type: string;
  state: string | null;
  endpoint: string | null;
};

const ENDPOINTS = [null, null, null, 'all1', 'one1', 'off1', 'gone1', 'all2', 'none'];

/** All kinds of requests, in an order that looks random and is the same each time. */
function asks(count: number): Ask[] {
  let seed = 7;
  const pick = <T>(list: readonly T[]): T => {
    seed = (seed * 48271) % 2147483647;
    return list[seed % list.length] as T;
  };
  return Array.from({ length: count }, () => ({
    asker: pick([1, 1, 1, 2, null]),
    owner: pick([1, 1, 2]),
    type: pick(['created', 'failed', 'unknown']),
    state: pick(STATES),
    endpoint: pick(ENDPOINTS),
  }));
}

async function inputsOf(world: string, list: readonly Ask[]): Promise<RedeliverInput[]> {
  const pk = new Map([
    [1, await pkOf(world, 1)],
    [2, await pkOf(world, 2)],
  ]);
  return list.map(({ asker, owner: whose, type, state, endpoint }) => ({
    eventId: eventOf(world, whose, type, state),
    clientPk: asker === null ? null : (pk.get(asker) ?? 0),
    endpointId: endpoint === null ? null : `we_${endpoint.replace(/\d/, (n) => `${world}${n}`)}`,
    by:
      asker === null
        ? { actor: `cli:${world}`, source: 'desk' }
        : { actor: `client:ci_${world}${asker}`, source: '10.0.0.1' },
  }));
}

/** All that redeliveries write, without what differs between the worlds. */
async function stateOf(world: string) {
  const plain = (rows: unknown) => JSON.parse(JSON.stringify(rows).replace(/(?<=[a-z_:])[ab](?=\d|")/g, ''));
  const deliveries = await sql(
    `SELECT d.event_id, d.endpoint_id, d.event_type, d.status, d.attempts, d.finished_at IS NULL AS open, d.recovery_id,
            (SELECT count(*)::int FROM jobs j JOIN webhook_endpoints e ON e.lane_id = j.lane_id
              WHERE j.delivery_id = d.id AND e.id = d.endpoint_id AND j.kind = 'deliver_webhook' AND j.run_at <= now()) AS jobs
       FROM deliveries d JOIN events v ON v.id = d.event_id JOIN clients c ON c.id = v.client_pk
      WHERE c.client_id LIKE 'ci_' || $1 || '%' ORDER BY 1, 2`,
    [world],
  );
  const audited = await sql(
    `SELECT actor, user_id, source, action, outcome, detail ->> 'endpoint_id' AS endpoint_id, each.event_id
       FROM audit_log a, LATERAL jsonb_array_elements_text(coalesce(detail -> 'event_ids', jsonb_build_array(substr(subject, 7)))) AS each(event_id)
      WHERE actor LIKE '%:' || $1 OR actor LIKE '%ci_' || $1 || '%' ORDER BY 1, 3, 6, 7`,
    [world],
  );
  return plain({ deliveries, audited });
}

const plainOutcomes = (outcomes: RedeliverOutcome[]) =>
  outcomes.map((each) =>
    'endpointIds' in each
      ? { ...each, endpointIds: each.endpointIds.map((id) => id.replace(/[ab](?=\d)/, '')) }
      : each,
  );

test('a set means the same as its requests one after the other: outcomes, deliveries, jobs and audit log', async () => {
  const list = asks(100);
  const one: RedeliverOutcome[] = [];
  for (const input of await inputsOf('a', list)) one.push(await redeliverEvent({ database: alone }, input));
  const set = await redeliverEvents({ database: together }, await inputsOf('b', list));
  expect(plainOutcomes(set)).toEqual(plainOutcomes(one));
  // Each outcome came about.
  expect(new Set(set.map(({ outcome }) => outcome)).size).toBe(5);
  const [of, like] = [await stateOf('b'), await stateOf('a')];
  expect(of).toEqual(like);
  expect(of.audited.length).toBeGreaterThan(10);
});

test('for an operator too, an endpoint of another client than the event’s is none, and no event is on its way to it', async () => {
  const ask = (event: string | null, endpointId: string): RedeliverInput => ({
    eventId: event ?? 'evt_none',
    clientPk: null,
    endpointId,
    by: { actor: 'cli:x', source: 'desk' },
  });
  const event = eventOf('a', 1, 'created', 'failed');
  const asked = [
    ask(event, 'we_alla2'),
    ask(event, 'we_offa2'),
    ask(null, 'we_alla2'),
    ask(event, 'we_offa1'),
  ];
  const outcomes = ['endpoint_not_found', 'endpoint_not_found', 'not_found', 'endpoint_disabled'];
  const set = await redeliverEvents({ database: together }, asked);
  expect(set.map(({ outcome }) => outcome)).toEqual(outcomes);
  for (const [index, one] of asked.entries())
    expect(await redeliverEvent({ database: alone }, one)).toEqual({ outcome: outcomes[index] });
});

test('another tenant’s events and endpoints do not exist, beside one’s own in a set', async () => {
  const [mine, theirs] = [await pkOf('a', 1), await pkOf('a', 2)];
  const before = await stateOf('b');
  const ask = (clientPk: number, eventId: string, endpointId: string | null = null): RedeliverInput => ({
    clientPk,
    eventId,
    endpointId,
    by: { actor: `client:${clientPk}`, source: 'x' },
  });
  const own = eventOf('a', 1, 'created', 'failed');
  const foreign = eventOf('a', 2, 'created', 'failed');
  const outcomes = await redeliverEvents({ database: together }, [
    ask(mine, foreign),
    ask(mine, foreign, 'we_alla1'),
    ask(mine, foreign, 'we_alla2'),
    ask(theirs, own),
    ask(mine, own, 'we_alla2'),
    ask(mine, own),
    ask(theirs, foreign),
  ]);
  expect(outcomes).toEqual([
    { outcome: 'not_found' },
    { outcome: 'not_found' },
    { outcome: 'endpoint_not_found' },
    { outcome: 'not_found' },
    { outcome: 'endpoint_not_found' },
    { outcome: 'redelivering', endpointIds: ['we_alla1'] },
    { outcome: 'redelivering', endpointIds: ['we_alla2'] },
  ]);
  expect(
    await sql(
      `SELECT actor, subject, count FROM audit_log WHERE actor IN ($1, $2) ORDER BY length(actor), actor`,
      [`client:${mine}`, `client:${theirs}`],
    ),
  ).toEqual([
    { actor: `client:${mine}`, subject: `event:${own}`, count: 1 },
    { actor: `client:${theirs}`, subject: `event:${foreign}`, count: 1 },
  ]);
  expect(await stateOf('b')).toEqual(before);
});

describe('requests that come together', () => {
  const shares = () =>
    createShares({ places: 4, perOwner: 2, waitingPerOwner: 100, waitMs: 10_000, work: 'changes' });
  const redelivererOn = (database: Database) =>
    createRedeliverer({ together: database, alone, writes: shares() });
  const request = (input: RedeliverInput, key: string | null = null, fingerprint = 'f'): RedeliverRequest => {
    const clientPk = input.clientPk ?? 0;
    return {
      ...input,
      clientPk,
      request: key === null ? null : { clientPk, userId: 0, key, fingerprint: Buffer.from(fingerprint) },
      remember: (result) =>
        result.outcome === 'redelivering' ? { status: 200, response: result.endpointIds.join() } : null,
    };
  };
  const failedOf = async (world: string, client: number, type = 'created'): Promise<RedeliverInput> => ({
    clientPk: await pkOf(world, client),
    eventId: eventOf(world, client, type, 'failed'),
    endpointId: `we_all${world}${client}`,
    by: { actor: `client:set-${world}${client}`, source: '10.0.0.2' },
  });
  const session = async (): Promise<Client> => {
    const client = new Client({ connectionString: server.url });
    others.push(client);
    await client.connect();
    await client.query('BEGIN');
    return client;
  };
  const lock = async (input: RedeliverInput): Promise<Client> => {
    const client = await session();
    await client.query('SELECT FROM deliveries WHERE event_id = $1 FOR UPDATE', [input.eventId]);
    return client;
  };
  const statusOf = async ({ eventId }: RedeliverInput) =>
    (await sql<{ status: string }>('SELECT status FROM deliveries WHERE event_id = $1', [eventId]))[0]
      ?.status;

  test('are one commit and one entry for each actor, which lists the events and is found by any of them', async () => {
    const { redeliver } = redelivererOn(together);
    const [a, b, other] = [await failedOf('a', 1), await failedOf('a', 1, 'failed'), await failedOf('b', 1)];
    const before = await sql('SELECT max(id) AS id FROM audit_log');
    await Promise.all([a, b, other].map((input) => redeliver(request(input))));
    const entries = await sql(
      `SELECT actor, source, subject, count::int, minute, detail FROM audit_log WHERE id > coalesce($1, 0) ORDER BY actor`,
      [before[0]?.id],
    );
    expect(entries).toEqual([
      {
        actor: 'client:set-a1',
        source: '10.0.0.2',
        subject: 'event:(several)',
        count: 2,
        minute: null,
        detail: { endpoint_id: 'we_alla1', event_ids: [a.eventId, b.eventId] },
      },
      {
        actor: 'client:set-b1',
        source: '10.0.0.2',
        subject: `event:${other.eventId}`,
        count: 1,
        minute: null,
        detail: { endpoint_id: 'we_allb1' },
      },
    ]);
    const found = async (eventId: string) =>
      (
        await listAudit(
          { database: owner },
          { subject: `event:${eventId}`, actor: 'client:set-a1', limit: 9 },
        )
      ).length;
    expect([await found(a.eventId), await found(b.eventId), await found(other.eventId)]).toEqual([1, 1, 0]);
    expect(await sql('SELECT count(DISTINCT xmin::text)::int AS n FROM jobs')).toEqual([{ n: 1 }]);
  });

  test('with keys: each is done once, also of two in one set, and a refusal leaves its key free', async () => {
    const { redeliver } = redelivererOn(together);
    const [a, b] = [await failedOf('a', 1), await failedOf('a', 1, 'failed')];
    const none = { ...a, eventId: 'evt_none' };
    const done = (endpointId: string) => ({
      outcome: 'done',
      result: { outcome: 'redelivering', endpointIds: [endpointId] },
    });
    const replayed = { outcome: 'replayed', status: 200, response: 'we_alla1' };
    expect(
      await Promise.all([
        redeliver(request(a, 'k1')),
        redeliver(request(a, 'k1')),
        redeliver(request(b, 'k1', 'other')),
        redeliver(request(none, 'k2')),
        redeliver(request({ ...b, clientPk: await pkOf('a', 2) }, 'k1')),
      ]),
    ).toEqual([
      done('we_alla1'),
      replayed,
      { outcome: 'key_reused' },
      { outcome: 'done', result: { outcome: 'not_found' } },
      { outcome: 'done', result: { outcome: 'endpoint_not_found' } },
    ]);
    expect(await Promise.all([redeliver(request(a, 'k1')), redeliver(request(b, 'k2'))])).toEqual([
      replayed,
      done('we_alla1'),
    ]);
    expect(await sql('SELECT key, status, response FROM idempotency_keys ORDER BY key')).toEqual([
      { key: 'k1', status: 200, response: 'we_alla1' },
      { key: 'k2', status: 200, response: 'we_alla1' },
    ]);
  });

  test.each(['a row', 'a key'])('do not wait for %s that another transaction has locked', async (what) => {
    const { redeliver } = redelivererOn(together);
    const [held, free] = [await failedOf('a', 1), await failedOf('b', 1)];
    const holder = what === 'a row' ? await lock(held) : await session();
    const key = what === 'a row' ? null : 'held';
    if (key !== null)
      await holder.query(
        `INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint) VALUES ($1, 0, $2, 'x')`,
        [held.clientPk, key],
      );
    const waiting = redeliver(request(held, key));
    const ended = await redeliver(request(free, key === null ? null : 'free'));
    expect(ended).toMatchObject({ result: { outcome: 'redelivering' } });
    expect(await statusOf(held)).toBe('failed');
    await holder.query('ROLLBACK');
    expect(await waiting).toMatchObject({ result: { outcome: 'redelivering' } });
  });

  test('lose nothing by one that the server refuses, which gets its own error', async () => {
    const { redeliver } = redelivererOn(together);
    const [a, b] = [await failedOf('a', 1), await failedOf('b', 1)];
    const ends = await Promise.allSettled([
      redeliver(request(a)),
      redeliver(request({ ...a, eventId: 'evt_\u0000' })),
      redeliver(request(b)),
    ]);
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([await statusOf(a), await statusOf(b)]).toEqual(['pending', 'pending']);
  });

  test('are all or nothing when the connection is killed in the middle, and may be repeated', async () => {
    const database = open();
    try {
      const { redeliver } = redelivererOn(database);
      const inputs = [await failedOf('a', 1), await failedOf('a', 1, 'failed'), await failedOf('b', 1)];
      const keyed = inputs.map((input, n) => request(input, `kill-${n}`));
      const holder = await lock(inputs[2] as RedeliverInput);
      const ends = Promise.allSettled(keyed.map((each) => redeliver(each)));
      const waiting = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      await expect.poll(async () => (await sql(waiting)).length, { timeout: 10_000 }).toBe(1);
      for (const end of await ends)
        expect(end).toMatchObject({ status: 'rejected', reason: expect.any(DatabaseUnavailableError) });
      expect(await sql('SELECT FROM jobs')).toHaveLength(0);
      expect(await sql('SELECT FROM idempotency_keys')).toHaveLength(0);
      await holder.query('ROLLBACK');
      const again = await Promise.all(keyed.map((each) => redeliver(each)));
      expect(again.map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
      expect(await sql('SELECT FROM jobs')).toHaveLength(3);
    } finally {
      await database.close();
    }
  });

  test('in two processes never deadlock, whatever their order', async () => {
    const database = open();
    const deadlocks = () => sql(`SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`);
    try {
      const before = await deadlocks();
      const list = asks(60).filter(({ asker }) => asker !== null);
      const inputs = await inputsOf('a', list);
      for (let round = 0; round < 15; round += 1) {
        await sql(`TRUNCATE jobs; UPDATE deliveries SET status = 'failed', finished_at = now()`);
        if (round % 2 === 0) await sql('DELETE FROM deliveries');
        await Promise.all([inputs, inputs.toReversed()].map((each) => redeliverEvents({ database }, each)));
        expect(await sql('SELECT delivery_id FROM jobs GROUP BY 1 HAVING count(*) > 1')).toEqual([]);
      }
      expect(await deadlocks()).toEqual(before);
    } finally {
      await database.close();
    }
  });

  test('an endpoint that is disabled in the middle gets nothing more, and its requests say so', async () => {
    const { redeliver } = redelivererOn(together);
    const input = await failedOf('a', 1);
    const all = { ...input, endpointId: null };
    await sql(`UPDATE webhook_endpoints SET disabled_at = now() WHERE id = 'we_alla1'`);
    expect(
      await Promise.all([
        redeliver(request(input)),
        redeliver(request(all)),
        redeliver(request(await failedOf('b', 1))),
      ]),
    ).toMatchObject([
      { result: { outcome: 'endpoint_disabled' } },
      { result: { outcome: 'no_endpoint' } },
      { result: { outcome: 'redelivering' } },
    ]);
    expect(await statusOf(input)).toBe('failed');
  });
});
