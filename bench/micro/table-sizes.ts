import { parseArgs } from 'node:util';
import { withClient } from '../machine/ask.ts';
import { findingOf } from '../report/finding.ts';
import { tableOf } from '../report/table.ts';
import { makePastMonths, writeHistory } from '../service/history.ts';
import { openPractices } from './open-practices.ts';

/**
 * Measures the bytes that a past payment takes in each table, for the sizing of docs/production.md: rows and indexes after a year of
 * payments in monthly partitions, each with one attempt, one event, one delivery and half an idempotency key.
 *
 *     node bench/micro/table-sizes.ts [--payments 100000] [--patients 2000]
 */
const { values } = parseArgs({
  options: {
    payments: { type: 'string', default: '100000' },
    patients: { type: 'string', default: '2000' },
  },
});
const [payments, patients] = [Number(values.payments), Number(values.patients)];

/** A partition counts for its table. */
const SIZES = `
  SELECT t.relname AS name, sum(pg_table_size(p.relid))::float8 AS rows, sum(pg_indexes_size(p.relid))::float8 AS indexes
    FROM pg_class t, LATERAL (SELECT relid FROM pg_partition_tree(t.oid) UNION SELECT t.oid) p
   WHERE t.relnamespace = 'public'::regnamespace AND t.relkind IN ('r', 'p') AND NOT t.relispartition
   GROUP BY t.relname`;
type Size = { name: string; rows: number; indexes: number };

const { environment, databaseUrl, tenants } = await openPractices('sizes', { patients });
try {
  await makePastMonths({ databaseUrl });
  const read = () => withClient(databaseUrl, async (client) => (await client.query<Size>(SIZES)).rows);
  const before = new Map((await read()).map((size) => [size.name, size]));
  await writeHistory({ databaseUrl }, { tenants, from: 0, to: payments });
  const grown = (await read())
    .map(({ name, rows, indexes }) => ({
      name,
      rows: (rows - (before.get(name)?.rows ?? 0)) / payments,
      indexes: (indexes - (before.get(name)?.indexes ?? 0)) / payments,
    }))
    .filter(({ rows, indexes }) => rows + indexes >= 1);
  const sum = (of: 'rows' | 'indexes') => grown.reduce((total, each) => total + each[of], 0);
  const findings = [...grown, { name: 'all tables', rows: sum('rows'), indexes: sum('indexes') }].flatMap(
    ({ name, rows, indexes }) => [
      findingOf(`${name}, rows`, 'bytes a payment', [rows]),
      findingOf(`${name}, indexes`, 'bytes a payment', [indexes]),
    ],
  );
  process.stdout.write(`${tableOf(findings)}\n`);
} finally {
  await environment.close();
}
