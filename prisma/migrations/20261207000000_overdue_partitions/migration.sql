-- make_partition for a range whose ids are already being made, because no partition was made for weeks. It does what it did, and:
--
-- - Rows that are being inserted into the default partition at this moment go to the new one. Before, PostgreSQL refused them.
-- - With more than 50,000 rows to move it refuses, with SQLSTATE 54000, unless the owner of the tables calls it: moving them takes longer than the
--   statements of the service may wait, and than the worker's own may run, so that it was begun every hour and never done.
CREATE OR REPLACE FUNCTION "make_partition"(of_table text, width_days int, ahead_days int) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
  key_column text;
  starts_at timestamptz;
  ends_at timestamptz;
  bounds text[];
  made text;
  rest text;
  options text[];
  columns text;
  rows_of_range int;
  -- Moved in about a second. Whoever writes to the table waits meanwhile.
  MOST_ROWS CONSTANT int := 50000;
BEGIN
  key_column := CASE of_table WHEN 'payments' THEN 'id' WHEN 'posting_attempts' THEN 'payment_id' WHEN 'events' THEN 'id'
                              WHEN 'deliveries' THEN 'event_id' WHEN 'delivery_attempts' THEN 'event_id' END;
  IF key_column IS NULL THEN
    RAISE EXCEPTION 'there are no partitions of %', of_table USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF width_days IS NULL OR width_days NOT BETWEEN 1 AND 366 OR ahead_days IS NULL OR ahead_days NOT BETWEEN 1 AND 400 THEN
    RAISE EXCEPTION 'width_days must be 1 to 366 and ahead_days 1 to 400' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- `part` in ASCII.
  IF NOT pg_try_advisory_xact_lock(x'70617274'::int) THEN
    RETURN NULL;
  END IF;

  -- A partition that VACUUM has found empty is planned for as a table without rows: it is read whole, and a prepared statement keeps doing
  -- so while the partition fills. Without statistics PostgreSQL expects ten pages, and looks its rows up by index. Before version 18 they
  -- cannot be taken away: autovacuum then replaces them within minutes of the first rows.
  IF to_regprocedure('pg_clear_relation_stats(text, text)') IS NOT NULL THEN
    PERFORM pg_clear_relation_stats('public', c.relname::text) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = format('public.%I', of_table)::regclass AND c.reltuples = 0 AND pg_relation_size(c.oid) = 0;
  END IF;

  -- Where the last partition ends; the default one, and that of the ids from before they began with the time, have no such end.
  SELECT max(upto) INTO starts_at FROM partition_bounds(of_table);
  IF starts_at IS NULL THEN
    RAISE EXCEPTION '% has no partition to continue from', of_table;
  END IF;
  IF of_table = 'payments' THEN
    ends_at := CASE WHEN starts_at < now() + make_interval(days => ahead_days) THEN starts_at + make_interval(days => width_days) END;
  ELSE
    SELECT min(upto) INTO ends_at FROM partition_bounds('payments') WHERE upto > starts_at;
  END IF;
  IF ends_at IS NULL THEN
    RETURN NULL;
  END IF;

  IF of_table IN ('payments', 'posting_attempts') THEN
    bounds := ARRAY[first_payment_id(starts_at)::text, first_payment_id(ends_at)::text];
  ELSE
    bounds := ARRAY[first_event_id(starts_at), first_event_id(ends_at)];
  END IF;

  made := of_table || '_' || to_char(starts_at AT TIME ZONE 'UTC', 'YYYYMMDD');
  rest := of_table || '_default';
  EXECUTE format('SELECT count(*) FROM (SELECT FROM public.%1$I WHERE %2$I >= %3$L AND %2$I < %4$L LIMIT %5$s) r',
                 rest, key_column, bounds[1], bounds[2], MOST_ROWS + 1) INTO rows_of_range;
  IF rows_of_range > MOST_ROWS AND NOT pg_has_role(session_user, current_user, 'USAGE') THEN
    RAISE EXCEPTION '% has more than % rows of the time of %: the owner of the tables has to make it', rest, MOST_ROWS, made
      USING ERRCODE = 'program_limit_exceeded';
  END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', made, of_table);
  -- The storage parameters of the last partition: a partitioned table has none.
  SELECT c.reloptions INTO options FROM partition_bounds(of_table) b JOIN pg_class c ON c.oid = b.partition ORDER BY b.upto DESC LIMIT 1;
  IF options IS NOT NULL THEN
    EXECUTE format('ALTER TABLE public.%I SET (%s)', made,
                   (SELECT string_agg(format('%I = %L', split_part(option, '=', 1), split_part(option, '=', 2)), ', ')
                      FROM unnest(options) AS option));
  END IF;

  -- An insert chooses the default partition before it locks that. When it has waited there for ATTACH, PostgreSQL refuses its row (23514). So
  -- where such inserts can be under way, they wait at the table instead, and choose afterwards.
  EXECUTE format('LOCK TABLE ONLY public.%I IN %s MODE', of_table,
                 CASE WHEN rows_of_range > 0 OR starts_at < now() + interval '1 day' THEN 'SHARE ROW EXCLUSIVE' ELSE 'SHARE UPDATE EXCLUSIVE' END);
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', rest);
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
   WHERE attrelid = made::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  EXECUTE format('WITH moved AS (DELETE FROM public.%1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING %5$s)
                  INSERT INTO public.%6$I (%5$s) SELECT %5$s FROM moved', rest, key_column, bounds[1], bounds[2], columns, made);
  EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', of_table, made, bounds[1], bounds[2]);
  RETURN made;
END
$$;
