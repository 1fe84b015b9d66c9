import { firstEventId, firstPaymentUuid, newEventId } from '@emr-payments/contracts';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DatabaseUnavailableError } from '../core/statements.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { makePartitions } from './make-partitions.ts';

const TABLES = ['payments', 'posting_attempts', 'events', 'deliveries', 'delivery_attempts'];
const DAY_MS = 86_400_000;

let practice: OpenPractice;
let app: Client;
beforeEach(async () => {
  practice = await openPractice();
  app = new Client(practice.database.pool.options);
  await app.connect();
});
afterEach(async () => {
  await app.end();
  await practice.close();
});

const sql = async (text: string, values: unknown[] = []) =>
  (await practice.owner.pool.query(text, values)).rows;

/** As the worker does it: with the role of the application, until nothing is missing. */
async function makeAll(table: string, { width, ahead }: { width: number; ahead: number }): Promise<string[]> {
  const made: string[] = [];
  for (;;) {
    const { rows } = await app.query('SELECT make_partition($1, $2, $3) AS name', [table, width, ahead]);
    if (rows[0].name === null) return made;
    made.push(rows[0].name);
  }
}

const endsOf = async (table: string) =>
  (await sql('SELECT upto FROM partition_bounds($1) ORDER BY upto', [table])).map(({ upto }) => upto as Date);

describe('the role of the application', () => {
  test('makes partitions ahead, each where the last one ends, and with the same bounds for all tables', async () => {
    const [last] = (await endsOf('payments')).slice(-1);
    const ahead = 200;
    for (const table of TABLES) {
      const made = await makeAll(table, { width: 10, ahead });
      expect(made.length).toBeGreaterThan(5);
      expect(made[0]).toBe(`${table}_${last?.toISOString().slice(0, 10).replaceAll('-', '')}`);
      // A range that is covered gets no second partition.
      expect(await makeAll(table, { width: 10, ahead })).toEqual([]);
    }
    const ends = await endsOf('payments');
    expect(ends.at(-1)?.getTime()).toBeGreaterThan(Date.now() + ahead * DAY_MS);
    expect(ends.at(-2)?.getTime()).toBeLessThan(Date.now() + ahead * DAY_MS);
    for (const table of TABLES.slice(1)) expect(await endsOf(table)).toEqual(ends);
    for (const end of ends) expect(end.getTime() % DAY_MS).toBe(0);
  });

  test('makes them from midnight to midnight in UTC, also on a server with daylight saving time', async () => {
    await app.query(`SET timezone = 'America/New_York'`);
    const before = (await endsOf('payments')).length;
    await makeAll('payments', { width: 30, ahead: 400 });
    const ends = await endsOf('payments');
    expect(ends.slice(before).map((end) => end.getTime() % DAY_MS)).toEqual(
      Array(ends.length - before).fill(0),
    );
  });

  test('changes no structure by itself, and reaches partitions through their table only', async () => {
    const [name] = await makeAll('payments', { width: 300, ahead: 100 });
    for (const statement of [
      'CREATE TABLE mine (LIKE payments)',
      `CREATE TABLE mine PARTITION OF payments FOR VALUES FROM ('f0000000-0000-0000-0000-000000000000') TO (MAXVALUE)`,
      `ALTER TABLE payments DETACH PARTITION ${name}`,
      `SELECT FROM ${name}`,
      `DELETE FROM ${name}`,
      'SELECT FROM payments_old',
      `SELECT partition_bounds('payments')`,
      'CREATE OR REPLACE FUNCTION make_partition(text, int, int) RETURNS text LANGUAGE sql AS $$ SELECT NULL $$',
    ]) {
      await expect(app.query(statement), statement).rejects.toMatchObject({ code: '42501' });
    }
    await expect(app.query('SELECT FROM payments')).resolves.toBeDefined();
  });

  test.each([
    ['jobs', 28, 60],
    ['payments_old', 28, 60],
    ['payments; DROP TABLE jobs', 28, 60],
    [null, 28, 60],
    ['payments', 0, 60],
    ['payments', -1, 60],
    ['payments', 367, 60],
    ['payments', null, 60],
    ['payments', 28, 0],
    ['payments', 28, 401],
    ['payments', 28, null],
  ])('cannot ask for %s with %s and %s days', async (table, width, ahead) => {
    await expect(app.query('SELECT make_partition($1, $2, $3)', [table, width, ahead])).rejects.toMatchObject(
      { code: '22023' },
    );
  });
});

test('of two that make the same partition one does, and the other finds it made', async () => {
  const [one, two] = await Promise.all([
    practice.database.pool.query(`SELECT make_partition('payments', 28, 100) AS name`),
    practice.owner.pool.query(`SELECT make_partition('payments', 28, 100) AS name`),
  ]);
  const names = [one.rows[0].name, two.rows[0].name].filter((name) => name !== null);
  expect(new Set(names).size).toBe(names.length);
  await makeAll('payments', { width: 28, ahead: 100 });
  const ends = await endsOf('payments');
  expect(new Set(ends.map((end) => end.getTime())).size).toBe(ends.length);
});

test('rows of the range that are in the default partition are moved, with all that they have', async () => {
  const [end = new Date()] = (await endsOf('events')).slice(-1);
  const time = new Date(end.getTime() + 5 * DAY_MS);
  const event = `${firstEventId(time)}${newEventId().slice(12)}`;
  const later = `${firstEventId(new Date(time.getTime() + 3_000 * DAY_MS))}${newEventId().slice(12)}`;
  const payment = firstPaymentUuid(time);
  for (const id of [event, later]) {
    await sql(`INSERT INTO events (id, client_pk, type, body) VALUES ($1, $2, 'payment.failed', 'b')`, [
      id,
      practice.clientPk,
    ]);
    await sql(`INSERT INTO deliveries (event_id, endpoint_id, status) VALUES ($1, 'we_1', 'failed')`, [id]);
    await sql(
      'INSERT INTO delivery_attempts (event_id, delivery_id, number, started_at, duration_ms) SELECT event_id, id, 1, now(), 5 FROM deliveries WHERE event_id = $1',
      [id],
    );
  }
  await sql('INSERT INTO posting_attempts (payment_id, number) VALUES ($1, 1)', [payment]);
  const where = async () =>
    (
      await Promise.all(
        TABLES.slice(1).map((table) =>
          sql(`SELECT tableoid::regclass::text AS name FROM ${table} ORDER BY 1`),
        ),
      )
    ).map((rows) => rows.map(({ name }) => name));
  expect((await where()).flat().every((name) => name.endsWith('_default'))).toBe(true);
  const before = await sql('SELECT * FROM deliveries ORDER BY id');

  for (const table of TABLES) await makeAll(table, { width: 28, ahead: 100 });
  const day = end.toISOString().slice(0, 10).replaceAll('-', '');
  expect(await where()).toEqual([
    [`posting_attempts_${day}`],
    [`events_${day}`, 'events_default'].sort(),
    [`deliveries_${day}`, 'deliveries_default'].sort(),
    [`delivery_attempts_${day}`, 'delivery_attempts_default'].sort(),
  ]);
  expect(await sql('SELECT * FROM deliveries ORDER BY id')).toEqual(before);
  expect(before.map(({ lost, event_type }) => [lost, event_type])).toEqual(
    Array(2).fill([true, 'payment.failed']),
  );
});

test('a row that is inserted into the default partition while that of its time is made goes to the new one', async () => {
  const [end = new Date()] = (await endsOf('payments')).slice(-1);
  const time = new Date(end.getTime() + 5 * DAY_MS);
  const insert = (row: number) =>
    `INSERT INTO posting_attempts (payment_id, number) VALUES ('${firstPaymentUuid(time)}', ${row})`;
  await app.query(insert(1));
  await makeAll('payments', { width: 28, ahead: 100 });
  await app.query(`BEGIN; SELECT make_partition('posting_attempts', 28, 100)`);
  const inserted = practice.owner.pool.query(insert(2));
  const waiting =
    'SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())';
  await vi.waitUntil(async () => (await sql(waiting)).length > 0, { timeout: 30_000, interval: 5 });
  await app.query('COMMIT');
  await inserted;
  const rows = await sql('SELECT number, tableoid::regclass::text AS name FROM posting_attempts ORDER BY 1');
  const name = `posting_attempts_${end.toISOString().slice(0, 10).replaceAll('-', '')}`;
  expect(rows).toEqual([
    { number: 1, name },
    { number: 2, name },
  ]);
});

test('more rows than can be moved while others wait are left to the owner of the tables', async () => {
  const [end = new Date()] = (await endsOf('payments')).slice(-1);
  const payment = firstPaymentUuid(new Date(end.getTime() + 5 * DAY_MS));
  await makeAll('payments', { width: 28, ahead: 100 });
  await sql('INSERT INTO posting_attempts (payment_id, number) SELECT $1, generate_series(-25000, 25000)', [
    payment,
  ]);
  await expect(makeAll('posting_attempts', { width: 28, ahead: 100 })).rejects.toMatchObject({
    code: '54000',
    message: expect.stringContaining('posting_attempts_default has more than 50000 rows'),
  });
  // PostgreSQL sends an error before it gives back the locks of the statement: until then, somebody makes partitions.
  const name = await vi.waitUntil(
    async () =>
      (await sql(`SELECT make_partition('posting_attempts', 28, 100) AS name`))[0]?.name as string | null,
    { timeout: 30_000, interval: 5 },
  );
  expect(
    await sql('SELECT count(*)::int AS n, tableoid::regclass::text AS name FROM posting_attempts GROUP BY 2'),
  ).toEqual([{ n: 50_001, name }]);
  await expect(makeAll('posting_attempts', { width: 28, ahead: 100 })).resolves.not.toContain(name);
});

test('a new partition has the storage parameters of the last one', async () => {
  const [{ name }] = (await sql(
    `SELECT partition::regclass::text AS name FROM partition_bounds('deliveries') ORDER BY upto DESC LIMIT 1`,
  )) as [{ name: string }];
  await sql(`ALTER TABLE ${name} SET (autovacuum_vacuum_scale_factor = 0.01)`);
  for (const table of ['payments', 'deliveries']) await makeAll(table, { width: 28, ahead: 100 });
  const last = async (table: string) =>
    await sql(
      `SELECT reloptions FROM partition_bounds($1) JOIN pg_class ON oid = partition ORDER BY upto DESC LIMIT 1`,
      [table],
    );
  expect(await last('deliveries')).toEqual([
    { reloptions: ['fillfactor=50', 'autovacuum_vacuum_scale_factor=0.01'] },
  ]);
  expect(await last('payments')).toEqual([{ reloptions: ['fillfactor=60'] }]);
});

test('what holds the default partition makes it give up within its own time-out, and nothing is left half done', async () => {
  const before = await sql('SELECT count(*)::int AS n FROM pg_class');
  const reader = new Client({ connectionString: practice.url });
  await reader.connect();
  try {
    await reader.query('BEGIN; SELECT FROM payments_default');
    const started = performance.now();
    await expect(makeAll('payments', { width: 28, ahead: 100 })).rejects.toMatchObject({ code: '55P03' });
    expect(performance.now() - started).toBeGreaterThan(400);
    expect(await sql('SELECT count(*)::int AS n FROM pg_class')).toEqual(before);
  } finally {
    await reader.end();
  }
  expect((await makeAll('payments', { width: 28, ahead: 100 })).length).toBeGreaterThan(0);
});

test('a table that refuses does not keep the others from their partitions', async () => {
  const reader = new Client({ connectionString: practice.url });
  await reader.connect();
  const make = () => makePartitions(practice, { widthDays: 28, aheadDays: 100 });
  const tables = (made: string[]) =>
    TABLES.filter((table) => made.some((name) => name.startsWith(`${table}_2`)));
  try {
    await reader.query('BEGIN; SELECT FROM posting_attempts_default');
    const { made, refused } = await make();
    expect(refused).toEqual([{ table: 'posting_attempts', error: expect.any(DatabaseUnavailableError) }]);
    expect(tables(made)).toEqual(['payments', 'events', 'deliveries', 'delivery_attempts']);
  } finally {
    await reader.end();
  }
  const { made, refused } = await make();
  expect(refused).toEqual([]);
  expect(tables(made)).toEqual(['posting_attempts']);
});

test('a partition that was found empty is planned for as one that will have rows', async () => {
  const plan = async () =>
    (await sql(`EXPLAIN UPDATE events SET type = 'x' WHERE id = (SELECT 'evt_0')`))
      .map((row) => row['QUERY PLAN'])
      .join('\n');
  await sql('VACUUM ANALYZE');
  expect(await plan()).toContain('Seq Scan on events_');
  await makeAll('events', { width: 28, ahead: 60 });
  expect(await plan()).not.toContain('Seq Scan');
});

test('before PostgreSQL 18, which can take no statistics away, partitions are made all the same', async () => {
  await sql('ALTER FUNCTION pg_catalog.pg_clear_relation_stats(text, text) RENAME TO not_yet');
  expect((await makeAll('payments', { width: 28, ahead: 100 })).length).toBeGreaterThan(0);
});
