import { firstPaymentUuid } from '@emr-payments/contracts';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../core/database.ts';
import { dropEventPartitions } from '../partitions/drop-event-partitions.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { daysAgo, makePastPartitions } from '../testing/past-partitions.ts';
import { listPayments, listStatement, type PaymentFilter } from './list-payments.ts';

/** Twelve partitions of 28 days and what is before them, as after a year. */
const WIDTH = 28;
const STARTS = Array.from({ length: 12 }, (_, n) => (12 - n) * WIDTH);
/** Payments of each day. */
const A_DAY = 120;
const DAY_MS = 86_400_000;
/** Most buffers of 8 KiB that may be read to find the ids of a page. A month of the table alone has some 80. */
const MOST_BUFFERS = 70;

let practice: OpenPractice;
/** As the API's lists have it. */
let reading: Database;

beforeAll(async () => {
  practice = await openPractice();
  reading = openDatabase({
    url: practice.appUrl,
    poolSize: 2,
    applicationName: 'test read',
    readsOnly: true,
  });
  const client = new Client({ connectionString: practice.url });
  await client.connect();
  await makePastPartitions(client, { starts: STARTS.map(daysAgo) });
  const write = (of: string, values: unknown[]) =>
    client.query(
      `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location, amount,
                             deposit_date, status, failure_code, created_at)
       SELECT row.id, nextval('jobs_id_seq'), $1, 'MRN-' || n % 500, 'p', 'Card', '#' || n, (n % 5)::text, 12.34, '2026-01-01',
              CASE WHEN n % 100 = 1 THEN 'failed' ELSE 'posted' END::payment_status, CASE WHEN n % 100 = 1 THEN 'closed_period' END, row.at
         FROM ${of}`,
      [practice.userId, ...values],
    );
  await write(
    `generate_series(1, $2::int) AS n CROSS JOIN LATERAL (SELECT $3::timestamptz + n * interval '1 day' / ${A_DAY} AS at) AS time
     CROSS JOIN LATERAL (SELECT time.at, (left(first_payment_id(time.at)::text, 14) || '7' || left(md5(n::text), 3)
                                          || '-8' || substr(md5(n::text), 4, 3) || '-' || right(md5(n::text), 12))::uuid AS id) AS row`,
    [A_DAY * WIDTH * 12, daysAgo(WIDTH * 12)],
  );
  // Ids that are as far from `created_at` as they may be, at the ends of a partition; and such as no right clock makes.
  const edge = daysAgo(4 * WIDTH).getTime();
  const strange = [-1, 0, 1].flatMap((step) => {
    const at = new Date(edge + step);
    return [
      ...[-2 * DAY_MS, -1, 0, 1, 2 * DAY_MS].map((off, n) => [
        `${firstPaymentUuid(new Date(edge + step + off)).slice(0, 14)}7${step + 1}0${n}-8000-000000000000`,
        at,
      ]),
      [`f0000000-0000-4000-8000-00000000000${step + 1}`, at],
      [`00000000-0000-4000-8000-00000000000${step + 1}`, at],
      [`00000123-4567-7000-8000-00000000000${step + 1}`, at],
    ];
  });
  await write(`unnest($2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS row(id, at, n)`, [
    strange.map(([id]) => id),
    strange.map(([, at]) => at),
  ]);
  await client.query('ANALYZE payments');
  await client.end();
  // Those of events are kept for 30 days.
  while ((await dropEventPartitions(practice, { days: 30 })).length > 0);
}, 60_000);
afterAll(async () => {
  await reading.close();
  await practice.close();
});

const explain = async (options: string, filter: Partial<PaymentFilter>) => {
  const { text, values } = listStatement({ userId: practice.userId, limit: 21, ...filter });
  const { rows } = await reading.pool.query(`EXPLAIN (${options}, FORMAT JSON) ${text}`, values);
  return rows[0]['QUERY PLAN'][0];
};

/** The partitions of a table that a list's plan contains, without those for ids that no right clock has made. */
async function planned(table: string, filter: Partial<PaymentFilter>): Promise<string[]> {
  const names = JSON.stringify(await explain('COSTS OFF', filter)).matchAll(
    /"Relation Name": ?"([a-z_]+\d*)"/g,
  );
  const found = [...names].map(([, name = '']) => name).filter((name) => name.startsWith(`${table}_`));
  return [...new Set(found)].filter((name) => /_\d{8}$/.test(name)).toSorted();
}

type PlanNode = {
  'Node Type': string;
  'Parent Relationship'?: string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
};

/** The part of a list's plan that finds the ids of the page. */
const limitOf = (node: PlanNode): PlanNode | undefined =>
  node['Node Type'] === 'Limit' ? node : (node.Plans ?? []).map(limitOf).find((found) => found !== undefined);

/** Blocks that a part of a plan read, without those of the attempts and events of each payment that it found. */
function blocksOf(node: PlanNode): number {
  const ofEach = (one: PlanNode): number =>
    (one.Plans ?? []).reduce(
      (sum, child) => sum + (child['Parent Relationship'] === 'SubPlan' ? allBlocks(child) : ofEach(child)),
      0,
    );
  return allBlocks(node) - ofEach(node);
}
const allBlocks = (node: PlanNode): number => node['Shared Hit Blocks'] + node['Shared Read Blocks'];

const month: Partial<PaymentFilter> = { createdAfter: daysAgo(150), createdBefore: daysAgo(120) };
const more: [string, Partial<PaymentFilter>][] = [
  ['no more', {}],
  ['a status', { statuses: ['failed'] }],
  ['open ones', { statuses: ['accepted', 'retrying'] }],
  ['a patient', { patientMrn: 'MRN-77' }],
  ['a reference', { referenceNumber: '#4711' }],
  ['a location', { location: '3' }],
];

describe.each(more)('of a year in twelve partitions, a list with %s', (_name, filter) => {
  test('of one month plans three', async () => {
    for (const table of ['payments', 'posting_attempts']) {
      const names = await planned(table, { ...month, ...filter });
      expect(names.length, names.join()).toBeGreaterThan(0);
      expect(names.length, names.join()).toBeLessThanOrEqual(3);
    }
  });

  test('after a time plans those from then on', async () => {
    expect((await planned('payments', filter)).length).toBeGreaterThanOrEqual(12);
    // The present one, and the one before by the slack; and those that are made ahead.
    const late = (await planned('payments', { createdAfter: daysAgo(1), ...filter })).filter(
      (name) => name < `payments_${new Date().toISOString().slice(0, 10).replaceAll('-', '')}`,
    );
    expect(late.length).toBeLessThanOrEqual(2);
  });

  test('behind a cursor plans those before it', async () => {
    const after = { createdAt: daysAgo(300), id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' };
    expect((await planned('payments', { after, ...filter })).length).toBeLessThanOrEqual(3);
    const both = { after: { ...after, createdAt: daysAgo(130) }, createdBefore: daysAgo(2) };
    expect(
      (await planned('payments', { ...both, createdAfter: daysAgo(140), ...filter })).length,
    ).toBeLessThanOrEqual(2);
  });

  test('finds its rows by an index', async () => {
    const { Plan: plan } = await explain('ANALYZE, BUFFERS', { ...month, ...filter });
    const page = limitOf(plan);
    expect(page && blocksOf(page)).toBeLessThan(MOST_BUFFERS);
  });
});

describe('a list is the same with the bound on ids and without', () => {
  const edge = daysAgo(4 * WIDTH).getTime();
  const at = (ms: number) => new Date(edge + ms);
  const unbounded = async ({
    createdAfter,
    createdBefore,
    after,
  }: Partial<PaymentFilter>): Promise<string[]> => {
    const { rows } = await practice.database.pool.query<{ id: string }>(
      `SELECT id FROM payments WHERE user_id = $1 AND created_at > coalesce($2::timestamptz, '-infinity') AND created_at < coalesce($3::timestamptz, 'infinity')
          AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5::uuid))
        ORDER BY created_at DESC, id DESC LIMIT 60`,
      [practice.userId, createdAfter, createdBefore, after?.createdAt, after?.id],
    );
    return rows.map(({ id }) => id.replaceAll('-', ''));
  };
  const bounded = async (filter: Partial<PaymentFilter>) =>
    (await listPayments(practice, { userId: practice.userId, limit: 60, ...filter })).map(
      ({ paymentId }) => paymentId,
    );

  const steps = [-2, -1, 0, 1, 2];
  const sides = [undefined, ...steps.map(at)];
  const times = sides.flatMap((createdAfter) =>
    sides.map((createdBefore) => ({ createdAfter, createdBefore })),
  );

  test('at every edge', async () => {
    for (const time of times) {
      const rows = await bounded(time);
      expect(rows, JSON.stringify(time)).toEqual(await unbounded(time));
    }
    // All that is strange about this time, and one of the others.
    expect((await bounded({ createdAfter: at(-2), createdBefore: at(2) })).length).toBe(25);
  });

  test('behind every cursor', async () => {
    const ids = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'];
    for (const createdAt of steps.map(at)) {
      for (const id of ids) {
        for (const createdAfter of [undefined, at(-2)]) {
          const filter = { createdAfter, after: { createdAt, id } };
          expect(await bounded(filter), JSON.stringify(filter)).toEqual(await unbounded(filter));
        }
      }
    }
  });

  test('page by page', async () => {
    const filter = { createdAfter: at(-2 * DAY_MS), createdBefore: at(2) };
    const seen: string[] = [];
    let after: PaymentFilter['after'];
    for (;;) {
      const page = await listPayments(practice, {
        userId: practice.userId,
        limit: 7,
        ...filter,
        after,
      });
      const last = page.at(-1);
      if (last === undefined) break;
      seen.push(...page.map(({ paymentId }) => paymentId));
      after = { createdAt: last.createdAt, id: last.paymentId };
    }
    const all = await listPayments(practice, { userId: practice.userId, limit: 1000, ...filter });
    expect(all.length).toBe(2 * A_DAY + 24);
    expect(seen).toEqual(all.map(({ paymentId }) => paymentId));
  });

  test('for times that no payment can have', async () => {
    for (const time of [new Date(0), new Date(253_402_300_799_999), new Date(999_999_999_999_999)]) {
      const after = { createdAt: time, id: '00000000-0000-0000-0000-000000000000' };
      for (const filter of [{ createdAfter: time }, { createdBefore: time }, { after }]) {
        expect(await bounded(filter), JSON.stringify(filter)).toEqual(await unbounded(filter));
      }
    }
  });
});
