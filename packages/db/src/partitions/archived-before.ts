import { query, type StatementDeps } from '../core/statements.ts';

/** Where the first partition of payments begins, read from the bound of its ids: no row, while it has no lower bound. */
const ARCHIVED = {
  name: 'archived-before',
  text: `
    SELECT to_timestamp(('x' || lpad(left(replace(min(b.lower COLLATE "C"), '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0) AS before
      FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
     CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS text) e
     CROSS JOIN LATERAL (SELECT substring(e.text FROM 'FROM [(]''([^'']+)') AS lower) b
     WHERE i.inhparent = 'payments'::regclass
    HAVING NOT bool_or(e.text LIKE 'FOR VALUES FROM (MINVALUE)%')`,
};

/**
 * Returns the time before which accepted payments have been archived and are in no list and no count; null when none has. Ask after
 * counting: what was archived in between is then said.
 */
export async function archivedBefore(deps: StatementDeps): Promise<Date | null> {
  const [row] = await query<{ before: Date | null }>(deps, ARCHIVED, []);
  return row?.before ?? null;
}
