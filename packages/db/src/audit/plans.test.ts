import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type AuditFilter, listAudit } from '../index.ts';
import { type OpenPractice, openPractice } from '../testing/open-practice.ts';

let practice: OpenPractice;
const ENTRIES = 100_000;
/** Rows of one INSERT: it must end within the 5 s that our statements have, also on a busy machine. */
const AT_ONCE = 20_000;
/** Most buffers of 8 KiB that a page may read. The table alone has some 2,000, and each row of a page costs a few. */
const MOST_BUFFERS = 300;

beforeAll(async () => {
  practice = await openPractice();
  const { pool } = practice.database;
  // An entry each minute; one client, user, address and action that are rare and old.
  for (let first = 1; first <= ENTRIES; first += AT_ONCE) {
    await pool.query(
      `INSERT INTO audit_log (at, actor, user_id, source, action, subject, outcome)
       SELECT timestamptz '2026-01-01' + n * interval '1 minute', CASE WHEN n = 5 THEN 'client:rare' ELSE 'client:' || n % 20 END,
              CASE WHEN n = 5 THEN 'user_rare' ELSE 'user_' || n % 500 END, CASE WHEN n = 5 THEN '::1' WHEN n < 60000 THEN '10.9.9.9' ELSE '10.0.0.' || n % 9 END,
              CASE WHEN n = 5 THEN 'client.disable' ELSE 'payment.read' END, 'user:' || n % 500, 'done'
         FROM generate_series($1::int, $2::int) AS n`,
      [first, first + AT_ONCE - 1],
    );
  }
  await practice.owner.pool.query('ANALYZE audit_log');
});
afterAll(() => practice.close());

type Asked = { text: string; values: unknown[] };

/** Lists, and adds up the buffers that the statements of the listing read. */
async function readBy(filter: Partial<AuditFilter>): Promise<{ rows: number; buffers: number }> {
  const { pool } = practice.database;
  const query = vi.spyOn(pool, 'query');
  const rows = await listAudit(practice, { limit: 50, ...filter });
  const asked = query.mock.calls.map(([one]) => one as unknown as Asked);
  query.mockRestore();
  expect(asked.length).toBeGreaterThan(0);
  let buffers = 0;
  for (const { text, values } of asked) {
    const explained = await pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
    const plan = explained.rows[0]['QUERY PLAN'][0].Plan;
    buffers += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
  }
  return { rows: rows.length, buffers };
}

// The newest entry is of 2026-03-11.
const LATELY = new Date('2026-03-10');
const filters: [string, Partial<AuditFilter>, number][] = [
  ['nothing', {}, 50],
  ['a client', { actor: 'client:7' }, 50],
  ['a client that did something long ago', { actor: 'client:rare' }, 1],
  ['a client that did nothing lately', { actor: 'client:rare', since: LATELY }, 0],
  ['a client that does not exist', { actor: 'client:nobody' }, 0],
  ['a user', { user: 'user_77' }, 50],
  ['a user that was seen once', { user: 'user_rare' }, 1],
  ['an address', { source: '::1' }, 1],
  ['an address that was common once, and is not lately', { source: '10.9.9.9', since: LATELY }, 0],
  ['an action', { action: 'client.disable' }, 1],
  ['an action that did not happen lately', { action: 'client.disable', since: LATELY }, 0],
  ['a record', { subject: 'user:123' }, 50],
  ['a time', { since: LATELY }, 50],
  ['an outcome that did not happen lately', { outcome: 'refused', since: LATELY }, 0],
  ['a page far behind', { before: 500n }, 50],
];

test.each(filters)('a page by %s reads little of a big audit log', async (_name, filter, expected) => {
  const { rows, buffers } = await readBy(filter);
  expect(rows).toBe(expected);
  expect(buffers).toBeLessThan(MOST_BUFFERS);
});
