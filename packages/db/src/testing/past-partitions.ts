import type { ClientBase } from 'pg';
import { PARTITIONED } from '../partitions/make-partitions.ts';

const DAY_MS = 86_400_000;
const today = Math.floor(Date.now() / DAY_MS);

/** Midnight (UTC), so many days ago: of one day for the whole file, also when it runs over midnight. */
export const daysAgo = (days: number): Date => new Date((today - days) * DAY_MS);

/**
 * Divides the time before the first partitions into ranges, as if the service had run for so long. The first partitions have to be
 * empty: they are replaced. For tests and the bench; only the owner can do it.
 *
 * @param owner one connection.
 * @param input.starts the days (UTC, midnight) at which the past ranges begin, oldest first. Everything before is in one more range.
 */
export async function makePastPartitions(
  owner: Pick<ClientBase, 'query'>,
  { starts }: { starts: readonly Date[] },
): Promise<void> {
  await owner.query(`
    CREATE FUNCTION pg_temp.make_past(of_table text, starts timestamptz[]) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
      first oid;
      ends timestamptz;
      options text;
      lower text := 'MINVALUE';
      upper text;
      filled boolean;
      bounds timestamptz[];
      name text;
    BEGIN
      SELECT partition, upto INTO first, ends FROM partition_bounds(of_table) ORDER BY upto LIMIT 1;
      EXECUTE format('SELECT EXISTS (SELECT FROM %s)', first::regclass) INTO filled;
      IF filled THEN
        RAISE EXCEPTION '% is not empty', first::regclass;
      END IF;
      SELECT format('WITH (%s)', array_to_string(reloptions, ', ')) INTO options
        FROM pg_class WHERE oid = first AND reloptions IS NOT NULL;
      name := first::regclass::text;
      EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', of_table, name);
      EXECUTE format('DROP TABLE %I', name);
      bounds := starts || ends;
      name := of_table || '_old';
      IF to_regclass(name) IS NOT NULL THEN
        name := of_table || '_before';
      END IF;
      FOR n IN 1..array_length(bounds, 1) LOOP
        upper := quote_literal(CASE WHEN of_table IN ('payments', 'posting_attempts') THEN first_payment_id(bounds[n])::text
                                    ELSE first_event_id(bounds[n]) END);
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s) %s', name, of_table, lower, upper, coalesce(options, ''));
        lower := upper;
        name := of_table || '_' || to_char(bounds[n] AT TIME ZONE 'UTC', 'YYYYMMDD');
      END LOOP;
    END
    $$`);
  for (const table of PARTITIONED)
    await owner.query('SELECT pg_temp.make_past($1, $2::timestamptz[])', [table, starts]);
  await owner.query('DROP FUNCTION pg_temp.make_past(text, timestamptz[])');
}
