import { query, type StatementDeps } from '../core/statements.ts';

/**
 * Where the last partition of payments begins that follows on no other, read from the bounds of their ids. It is the first partition, or the one
 * after a gap, when a part of the archive was attached again. No such partition: the first one has no lower bound, and there is no gap.
 */
const ARCHIVED = {
  name: 'archived-before',
  text: `
    WITH bounds AS MATERIALIZED (
      SELECT substring(e.text FROM 'FROM [(]''([^'']+)') AS lower, substring(e.text FROM 'TO [(]''([^'']+)') AS upper
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
       CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS text) e
       WHERE i.inhparent = 'payments'::regclass
    )
    SELECT to_timestamp(('x' || lpad(left(replace(max(b.lower COLLATE "C"), '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0) AS before
      FROM bounds b WHERE NOT EXISTS (SELECT FROM bounds o WHERE o.upper = b.lower)`,
};

/**
 * Returns the time before which accepted payments have been archived and are in no list and no count; null when none has. Of what is before
 * it, parts may have been attached again. Ask after counting: what was archived in between is then said.
 */
export async function archivedBefore(deps: StatementDeps): Promise<Date | null> {
  const [row] = await query<{ before: Date | null }>(deps, ARCHIVED, []);
  return row?.before ?? null;
}
