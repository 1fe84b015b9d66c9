import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BY, openRecoveries, type Tenant } from '../recovery/recovery.fixture.ts';
import { redeliverEvents } from './redeliver-event.ts';

// Two statements that write the same new deliveries wait for each other at the first one, if both have the same order. With any other one
// they may deadlock.

let it: Awaited<ReturnType<typeof openRecoveries>>;
beforeAll(async () => {
  it = await openRecoveries();
});
afterAll(() => it.close());

const INSERT = `INSERT INTO deliveries (event_id, endpoint_id) SELECT unnest($1::text[]), $2`;

const inputOf = ({ clientPk, endpointId }: Tenant, eventId: string) => ({
  eventId,
  clientPk,
  endpointId,
  by: BY,
});

const writers: [string, (tenant: Tenant, events: string[]) => Promise<unknown>][] = [
  ['a turn of a recovery', () => it.turn()],
  [
    'a set of redeliveries',
    (tenant, events) =>
      redeliverEvents(
        it,
        events.map((id) => inputOf(tenant, id)),
      ),
  ],
];

test.each(writers)('%s writes no new delivery before that of the lowest event id', async (_name, write) => {
  const tenant = await it.tenant();
  const events = await it.events(tenant, { count: 20 });
  await it.started(tenant);
  const [first = '', ...rest] = events.toSorted();
  expect(events[0]).not.toBe(first);
  const [holder, other] = [
    new Client({ connectionString: it.url }),
    new Client({ connectionString: it.url }),
  ];
  try {
    await Promise.all([holder.connect(), other.connect()]);
    await holder.query('BEGIN');
    await holder.query(INSERT, [[first], tenant.endpointId]);
    const writing = write(tenant, events);
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    await expect.poll(async () => (await it.rows(waiting)).length).toBe(1);
    // Would wait for the writer if it had written one of them.
    await other.query(`BEGIN; SET LOCAL lock_timeout = '300 ms'`);
    await other.query(INSERT, [rest, tenant.endpointId]);
    await other.query('ROLLBACK');
    await holder.query('ROLLBACK');
    await writing;
    const [written] = await it.rows('SELECT count(*)::int AS n FROM deliveries WHERE endpoint_id = $1', [
      tenant.endpointId,
    ]);
    expect(written).toEqual({ n: events.length });
  } finally {
    await Promise.all([holder.end(), other.end()]);
    await it.rows(`TRUNCATE jobs; UPDATE recoveries SET state = 'done'`);
  }
});
