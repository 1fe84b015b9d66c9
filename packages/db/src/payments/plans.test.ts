import { FAILURE_CODES } from '@emr-payments/contracts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buffersOf } from '../testing/buffers-of.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';
import { listStatement, type PaymentFilter } from './list-payments.ts';
import { RECONCILE } from './reconcile.ts';

let practice: OpenPractice;
const PAYMENTS = 100_000;
/** Rows of one INSERT: it must end within the 5 s that our statements have, also on a busy machine. */
const AT_ONCE = 10_000;
/** Most buffers of 8 KiB that a page may read. The table alone has some 2,000, and each row of a page costs ten. */
const MOST_BUFFERS = 900;

beforeAll(async () => {
  practice = await openPractice();
  const { pool } = practice.owner;
  // One failure in a thousand, one review in fifty thousand, one rare location, one rare patient, and a location that was
  // given up when a thousandth of the payments had been made.
  for (let first = 1; first <= PAYMENTS; first += AT_ONCE) {
    await pool.query(
      `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location,
                           amount, deposit_date, status, failure_code, created_at)
     SELECT gen_random_uuid(), 1000000 + n, $1, CASE WHEN n = 5 THEN 'MRN-RARE' ELSE 'MRN-' || n % 5000 END, 'p', 'Card',
            '#' || n, CASE WHEN n <= 100 THEN 'old' WHEN n % 20000 = 7 THEN 'rare' ELSE (n % 5)::text END, 12.34, date '2026-01-01' + n / 500,
            CASE WHEN n % 50000 = 3 THEN 'needs_review' WHEN n % 1000 = 1 THEN 'failed' ELSE 'posted' END::payment_status,
            CASE WHEN n % 50000 = 3 THEN 'outcome_unknown' WHEN n % 1000 = 1 THEN 'closed_period' END,
            timestamptz '2026-01-01' + n * interval '1 minute'
       FROM generate_series($2::int, $3::int) AS n`,
      [practice.userId, first, first + AT_ONCE - 1],
    );
  }
  await pool.query('ANALYZE payments');
});
afterAll(() => practice.close());

const filters: [string, Partial<PaymentFilter>][] = [
  ['nothing', {}],
  [
    'a cursor far behind',
    { after: { createdAt: new Date('2026-01-03'), id: '00000000-0000-0000-0000-000000000000' } },
  ],
  ['a time', { createdAfter: new Date('2026-02-01'), createdBefore: new Date('2026-02-02') }],
  ['failed', { statuses: ['failed'] }],
  ['needs_review', { statuses: ['needs_review'] }],
  ['the worklist', { statuses: ['failed', 'needs_review'] }],
  ['what is open', { statuses: ['accepted', 'posting', 'retrying', 'submitted'] }],
  ['open or failed', { statuses: ['accepted', 'failed'] }],
  ['posted', { statuses: ['posted'] }],
  ['a patient', { patientMrn: 'MRN-77' }],
  ['a rare patient', { patientMrn: 'MRN-RARE' }],
  ['an unknown patient', { patientMrn: 'MRN-X' }],
  ['a reference', { referenceNumber: '#4711' }],
  ['a location', { location: '3' }],
  ['a rare location', { location: 'rare' }],
  ['failures of a location', { location: '3', statuses: ['failed'] }],
  ['reviews of a patient', { patientMrn: 'MRN-77', statuses: ['needs_review'] }],
];

test.each(filters)('a page by %s reads little of a big table', async (_name, filter) => {
  expect(
    await buffersOf(practice, listStatement({ userId: practice.userId, limit: 21, ...filter })),
  ).toBeLessThan(MOST_BUFFERS);
});

test('so does a page by any combination of filters', async () => {
  const statuses: PaymentFilter['statuses'][] = [
    undefined,
    ['failed'],
    ['needs_review'],
    ['accepted', 'retrying'],
    ['posted'],
    ['posted', 'failed'],
  ];
  const times: Partial<PaymentFilter>[] = [
    {},
    { createdAfter: new Date() },
    { createdBefore: new Date('2026-01-02') },
  ];
  const dear: object[] = [];
  let count = 0;
  for (const location of [undefined, '3', 'rare', 'old', 'none'])
    for (const patientMrn of [undefined, 'MRN-77', 'MRN-RARE', 'MRN-X'])
      for (const referenceNumber of [undefined, '#4711', '#none'])
        for (const status of statuses)
          for (const time of times) {
            const filter = { location, patientMrn, referenceNumber, statuses: status, ...time };
            const buffers = await buffersOf(
              practice,
              listStatement({ userId: practice.userId, limit: 21, ...filter }),
            );
            count += 1;
            if (buffers >= MOST_BUFFERS) dear.push({ ...filter, buffers });
          }
  expect(dear).toEqual([]);
  expect(count).toBe(1080);
}, 60_000);

test.each([null, '3'])('so does a day’s reconciliation, location %s', async (location) => {
  expect(
    await buffersOf(practice, { ...RECONCILE, values: [practice.userId, '2026-04-01', location] }),
  ).toBeLessThan(MOST_BUFFERS);
});

test('so does the reconciliation of a date without payments, however many locations there are', async () => {
  expect(
    await buffersOf(practice, { ...RECONCILE, values: [practice.userId, '1999-01-01', null] }),
  ).toBeLessThan(20);
});

test('the index of payments to review contains every code of a review', async () => {
  const { rows } = await practice.database.pool.query(
    `SELECT indexdef FROM pg_indexes WHERE indexname = 'payments_to_review'`,
  );
  const codes = Object.entries(FAILURE_CODES).flatMap(([code, { status }]) =>
    status === 'needs_review' ? [code] : [],
  );
  expect([...rows[0].indexdef.matchAll(/'(\w+)'/g)].map(([, code]) => code).sort()).toEqual(codes.sort());
});
