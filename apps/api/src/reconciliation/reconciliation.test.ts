import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTestApi, type TestApi } from '../testing/test-api.ts';
import { putInto, userRequests } from '../testing/user-requests.ts';
import { reconciliationCsv } from './csv.ts';

let api: TestApi;
let user: ReturnType<typeof userRequests>;
const DATE = '2026-06-15';

beforeAll(async () => {
  api = await openTestApi();
  user = userRequests(api, await api.newCaller());
  const day: [object, Parameters<typeof putInto>[1]['status']][] = [
    [{ payment_method: 'Card', amount: 0.1 }, 'posted'],
    [{ payment_method: '\u00a0card\u200b', amount: 0.2 }, 'posted'],
    [{ payment_method: 'Card', amount: 5, location: 'North\u00a0Side' }, 'failed'],
    [{ payment_method: 'Card', amount: 1 }, 'retrying'],
    [{ payment_method: '=HYPERLINK("x")', amount: 9_999_999_999.99 }, 'needs_review'],
    [{ payment_method: 'Card', amount: 77, deposit_date: '2026-06-16' }, 'posted'],
  ];
  for (const [overrides, status] of day) {
    const { payment_id } = await user.pay(overrides);
    await putInto(api, { paymentId: payment_id, status });
  }
});
afterAll(() => api.close());

const none = { count: 0, amount: 0 };

test('adds up a day exactly, by method, with names compared as the EMR compares them', async () => {
  const { data } = (await user.get(`/v1/reconciliation?date=${DATE}`)).json();
  const card = {
    payment_method: expect.stringMatching(/card/i),
    accepted: { count: 4, amount: 6.3 },
    posted: { count: 2, amount: 0.3 },
    failed: { count: 1, amount: 5 },
    needs_review: none,
    open: { count: 1, amount: 1 },
  };
  expect(data.methods).toHaveLength(2);
  expect(data.methods).toContainEqual(card);
  expect(data).toMatchObject({
    date: DATE,
    location: null,
    archived_before: null,
    totals: {
      accepted: { count: 5, amount: 10_000_000_006.29 },
      posted: { count: 2, amount: 0.3 },
      failed: { count: 1, amount: 5 },
      needs_review: { count: 1, amount: 9_999_999_999.99 },
      open: { count: 1, amount: 1 },
    },
  });
});

test('of one location, and of a day without payments', async () => {
  for (const location of ['North\u00a0Side', 'north  side']) {
    const query = `date=${DATE}&location=${encodeURIComponent(location)}`;
    const one = (await user.get(`/v1/reconciliation?${query}`)).json().data;
    expect(one).toMatchObject({ location, totals: { accepted: { count: 1, amount: 5 }, posted: none } });
  }
  const empty = (await user.get('/v1/reconciliation?date=1999-01-01')).json().data;
  expect(empty).toMatchObject({ methods: [], totals: { accepted: none, open: none } });
});

describe('as CSV', () => {
  test.each([
    ['by the header', '', { accept: 'text/csv' }],
    ['by the query', '&format=csv', { accept: 'application/json' }],
  ])('%s: exact, and nothing that a spreadsheet runs', async (_name, query, headers) => {
    const answer = await user.get(`/v1/reconciliation?date=${DATE}${query}`, headers);
    expect(answer.headers['content-type']).toMatch(/^text\/csv; charset=utf-8/);
    expect(answer.headers['content-disposition']).toContain('reconciliation-2026-06-15.csv');
    const lines = answer.body.split('\r\n');
    expect(lines[0]).toBe(
      'row,date,location,payment_method,accepted_count,accepted_amount,posted_count,posted_amount,failed_count,' +
        'failed_amount,needs_review_count,needs_review_amount,open_count,open_amount',
    );
    expect(lines).toContain(
      `method,${DATE},,"'=HYPERLINK(""x"")",1,9999999999.99,0,0.00,0,0.00,1,9999999999.99,0,0.00`,
    );
    expect(lines.at(-2)).toBe(`total,${DATE},,,5,10000000006.29,2,0.30,1,5.00,1,9999999999.99,1,1.00`);
    expect(lines.at(-1)).toBe('');
  });

  test('errors stay JSON', async () => {
    const answer = await user.get('/v1/reconciliation?date=x', { accept: 'text/csv' });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_field']);
  });

  test.each([
    ['Card', 'Card'],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\r\nb', '"a\r\nb"'],
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@x', "'@x"],
    ['\tx', "'\tx"],
    ['=a,"b"', `"'=a,""b"""`],
    ['a\nb', '"a\nb"'],
    ['\r=x', `"'\r=x"`],
    ['＝1+1', "'＝1+1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠x', "'＠x"],
  ])('the cell %j', (text, cell) => {
    const tally = { count: 0, amount: '0.00' };
    const totals = { accepted: tally, posted: tally, failed: tally, needs_review: tally, open: tally };
    const day = { methods: [{ paymentMethod: text, ...totals }], totals };
    const csv = reconciliationCsv(day, { date: DATE, location: null, bom: false });
    expect(csv).toContain(`\r\nmethod,${DATE},,${cell},0,0.00,`);
  });

  test('bom=true begins it with a byte order mark, and changes nothing else', async () => {
    const url = `/v1/reconciliation?date=${DATE}&format=csv`;
    const [plain, marked] = [await user.get(url), await user.get(`${url}&bom=true`)];
    expect(marked.rawPayload).toEqual(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), plain.rawPayload]));
    const json = await user.get(`/v1/reconciliation?date=${DATE}&bom=true`);
    expect(json.json().success).toBe(true);
  });

  test.each([
    [undefined, false],
    ['*/*', false],
    ['text/csv', true],
    ['text/*', true],
    ['application/json, text/csv', false],
    ['application/json;q=0.5, text/csv', true],
    ['text/csv;q=0.1, */*', false],
    ['text/csv;q=0', false],
    ['TEXT/CSV', true],
    ['text/csv;charset=UTF-8', true],
    ['text/csv; header=present', true],
    ['application/json; charset=utf-8, text/csv;q=0.1', false],
    ['text/csv, */*', true],
    ['text/csv;q=0.9, application/json;q=0.8', true],
    ['text/html', false],
  ])('Accept: %s', async (accept, csv) => {
    const answer = await user.get(`/v1/reconciliation?date=${DATE}`, accept === undefined ? {} : { accept });
    expect(answer.headers['content-type']).toMatch(csv ? /^text\/csv/ : /^application\/json/);
    expect(answer.headers.vary).toBe('accept');
  });
});

test('says before which time payments have been archived, and are not counted', async () => {
  const old = await openTestApi();
  await old.database.pool.query(`DO $$ DECLARE first text; BEGIN
    SELECT name INTO first FROM partition_ranges() WHERE of_table = 'payments' ORDER BY upto LIMIT 1;
    EXECUTE format('DROP TABLE %I', first); END $$`);
  const { rows } = await old.database.pool.query<{ since: Date }>(
    `SELECT min(since) AS since FROM partition_ranges() WHERE of_table = 'payments'`,
  );
  const caller = userRequests(old, await old.newCaller());
  const { data } = (await caller.get(`/v1/reconciliation?date=${DATE}`)).json();
  expect(data).toMatchObject({ archived_before: rows[0]?.since.toISOString(), totals: { accepted: none } });
  await old.close();
});

test.each([
  ['', 'date'],
  ['date=2026-02-30', 'date'],
  ['date=15.06.2026', 'date'],
  [`date=${DATE}&location=`, 'location'],
  [`date=${DATE}&format=pdf`, 'format'],
  [`date=${DATE}&bom=perhaps`, 'bom'],
  [`date=${DATE}&day=1`, 'day'],
])('?%s is refused by name', async (query, field) => {
  const answer = await user.get(`/v1/reconciliation?${query}`);
  expect([answer.statusCode, answer.json().message]).toEqual([
    400,
    expect.stringContaining(`field: ${field} (`),
  ]);
});

test('a date with more methods than any EMR has is refused, and the answer stays bounded', async () => {
  const caller = await api.newCaller();
  const write = (methods: number) =>
    api.database.pool.query(
      `INSERT INTO payments (id, job_id, user_id, patient_mrn, emr_patient_id, payment_method, reference_number, location,
                             amount, deposit_date)
       SELECT gen_random_uuid(), nextval('jobs_id_seq'), $1, 'MRN-1', 'p', 'method ' || n, '#1', '1404', 1, $2
         FROM generate_series(1, $3::int) AS n`,
      [caller.userId, DATE, methods],
    );
  const read = () => userRequests(api, caller).get(`/v1/reconciliation?date=${DATE}`);
  await write(1000);
  expect((await read()).json().data.methods).toHaveLength(1000);
  await write(1001);
  const refused = await read();
  expect([refused.statusCode, refused.json().code]).toEqual([422, 'read_too_costly']);
});
