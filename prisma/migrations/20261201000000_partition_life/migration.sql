-- The life of partitions after they are made: how far ahead they are made, the dropping of old events, and the archive of old payments.
-- docs/decisions/0020-partitions.md.

-- Returns the partitions of one range of time, and where it begins and ends: `since` is -infinity where the first one has no lower
-- bound. The default partitions, and that of the event ids from before they began with the time, are of no range.
CREATE FUNCTION "partition_ranges"() RETURNS TABLE (of_table text, partition oid, name text, since timestamptz, upto timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT t.name, b.partition, c.relname::text,
         CASE WHEN pg_get_expr(c.relpartbound, c.oid) LIKE 'FOR VALUES FROM (MINVALUE)%' THEN '-infinity'
              ELSE to_date(substring(c.relname FROM '_(\d{8})$'), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' END,
         b.upto
    FROM unnest(ARRAY['payments', 'posting_attempts', 'events', 'deliveries', 'delivery_attempts']) WITH ORDINALITY AS t(name, n)
   CROSS JOIN LATERAL partition_bounds(t.name) b JOIN pg_class c ON c.oid = b.partition
   ORDER BY b.upto, t.n
$$;

-- Returns for each of the five tables until when its partitions are made, and how many rows are in its default partition because none was made
-- in time (counted to 1,000: usually there is none). Ids of a time to come are not counted: those are the random ones of old events, and what
-- no clock has made, and no partition is missing for them.
CREATE FUNCTION "partition_cover"() RETURNS TABLE (of_table text, covered_until timestamptz, default_rows int)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT d.of_table, (SELECT max(upto) FROM partition_bounds(d.of_table)), d.default_rows::int
    FROM (VALUES ('payments', (SELECT count(*) FROM (SELECT FROM payments_default WHERE id < first_payment_id(now() + interval '1 day') LIMIT 1000) r)),
                 ('posting_attempts', (SELECT count(*) FROM (SELECT FROM posting_attempts_default WHERE payment_id < first_payment_id(now() + interval '1 day') LIMIT 1000) r)),
                 ('events', (SELECT count(*) FROM (SELECT FROM events_default WHERE id < first_event_id(now() + interval '1 day') LIMIT 1000) r)),
                 ('deliveries', (SELECT count(*) FROM (SELECT FROM deliveries_default WHERE event_id < first_event_id(now() + interval '1 day') LIMIT 1000) r)),
                 ('delivery_attempts', (SELECT count(*) FROM (SELECT FROM delivery_attempts_default WHERE event_id < first_event_id(now() + interval '1 day') LIMIT 1000) r))
         ) AS d(of_table, default_rows)
$$;

-- Locks what detaching needs, parents first, as every statement does: parents, partitions and default partitions, in
-- ACCESS EXCLUSIVE MODE. Whatever comes meanwhile waits, so all of it has to be done within 300 ms, or it is undone and tried again
-- after a pause, 20 times. It gives up before the server looks for deadlocks (deadlock_timeout, 1 s), so that no statement of the
-- service is ever the one that is ended.
CREATE FUNCTION "lock_to_detach"(tables text[], partitions text[]) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  names CONSTANT text[] := tables || partitions || (SELECT array_agg(t || '_default') FROM unnest(tables) AS t);
  name text;
  gives_up_at timestamptz;
  remaining int;
BEGIN
  FOR try IN 1..20 LOOP
    BEGIN
      gives_up_at := clock_timestamp() + interval '300 ms';
      FOREACH name IN ARRAY names LOOP
        remaining := extract(epoch FROM gives_up_at - clock_timestamp()) * 1000;
        IF remaining <= 0 THEN
          RAISE lock_not_available;
        END IF;
        PERFORM set_config('lock_timeout', remaining || 'ms', true);
        EXECUTE format('LOCK TABLE ONLY public.%I IN ACCESS EXCLUSIVE MODE', name);
      END LOOP;
      RETURN true;
    EXCEPTION WHEN lock_not_available THEN
      -- Its locks are released.
    END;
    PERFORM pg_sleep(0.2 + random() * 0.3);
  END LOOP;
  RETURN false;
END
$$;

-- Drops the partitions of events, deliveries and their attempts of the oldest range whose events are all older than `keep_days` (and
-- a day, by which the clock of the process that made an id may have been wrong): all three in one commit. A range is left alone
-- while one of its deliveries is pending, or a job refers to one. Call it until it drops nothing.
--
-- It returns the names of what was dropped. None: there is nothing to drop, another process makes or drops partitions, or the
-- tables were not free in time; then the next round does it. Rows are read before the tables are locked; what can change in between
-- is seen by its job, of which there are few.
--
-- The role of the application may call it: so it never drops anything younger than the four days that the least retention is.
CREATE FUNCTION "drop_event_partitions"(keep_days int) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  range record;
  is_needed boolean;
  n int;
BEGIN
  IF keep_days IS NULL OR keep_days NOT BETWEEN 4 AND 3650 THEN
    RAISE EXCEPTION 'keep_days must be 4 to 3650' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- `part` in ASCII, as in make_partition.
  IF NOT pg_try_advisory_xact_lock(x'70617274'::int) THEN
    RETURN '{}';
  END IF;
  FOR range IN
    SELECT array_agg(r.of_table) AS tables, array_agg(r.name) AS names, max(r.name) FILTER (WHERE r.of_table = 'deliveries') AS deliveries,
           max(b.lower) FILTER (WHERE r.of_table = 'events') AS lower, max(b.upper) FILTER (WHERE r.of_table = 'events') AS upper
      FROM partition_ranges() r
     CROSS JOIN LATERAL (SELECT pg_get_expr(relpartbound, oid) AS text FROM pg_class WHERE oid = r.partition) e
     CROSS JOIN LATERAL (SELECT coalesce(substring(e.text FROM 'FROM \(''([^'']+)''\)'), '') AS lower,
                                substring(e.text FROM 'TO \(''([^'']+)''\)') AS upper) b
     WHERE r.of_table IN ('events', 'deliveries', 'delivery_attempts') AND r.upto <= now() - make_interval(days => keep_days + 1)
     GROUP BY r.upto HAVING count(*) = 3 ORDER BY r.upto
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM jobs WHERE event_id >= $1 AND event_id < $2)
                        OR EXISTS (SELECT FROM public.%I WHERE status = ''pending'')', range.deliveries)
      INTO is_needed USING range.lower, range.upper;
    CONTINUE WHEN is_needed;
    IF NOT lock_to_detach(range.tables, range.names) THEN
      RETURN '{}';
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM jobs WHERE event_id >= $1 AND event_id < $2)' INTO is_needed USING range.lower, range.upper;
    IF is_needed THEN
      RETURN '{}';
    END IF;
    FOR n IN 1..3 LOOP
      EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', range.tables[n], range.names[n]);
      EXECUTE format('DROP TABLE public.%I', range.names[n]);
    END LOOP;
    RETURN range.names;
  END LOOP;
  RETURN '{}';
END
$$;

-- Returns what keeps a range from being archived, with counts. Nothing: it may be archived.
--
-- Idempotency keys carry the ids of their payment, so a repeated request needs no payment row; but inside the seven days of a key its
-- client may still read the payment.
CREATE FUNCTION "archive_obstacles"(ends timestamptz) RETURNS TABLE (obstacle text, count bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  range record;
BEGIN
  FOR range IN
    SELECT r.of_table, r.name, r.since, b.lower, b.upper
      FROM partition_ranges() r
     CROSS JOIN LATERAL (SELECT pg_get_expr(relpartbound, oid) AS text FROM pg_class WHERE oid = r.partition) e
     CROSS JOIN LATERAL (SELECT substring(e.text FROM 'FROM \(''([^'']+)''\)') AS lower, substring(e.text FROM 'TO \(''([^'']+)''\)') AS upper) b
     WHERE r.upto = ends
  LOOP
    IF range.of_table = 'payments' THEN
      RETURN QUERY EXECUTE format('SELECT ''payment_'' || status, count(*) FROM public.%I WHERE status NOT IN (''posted'', ''failed'') GROUP BY 1', range.name);
      RETURN QUERY SELECT 'posting_job', count(*) FROM jobs j
        WHERE j.payment_id < range.upper::uuid AND (range.lower IS NULL OR j.payment_id >= range.lower::uuid);
      RETURN QUERY SELECT 'delivery_job', count(*) FROM jobs j JOIN events v ON v.id = j.event_id
        WHERE v.payment_id < range.upper::uuid AND (range.lower IS NULL OR v.payment_id >= range.lower::uuid);
      RETURN QUERY SELECT 'idempotency_key', count(*) FROM idempotency_keys k
        WHERE k.created_at > now() - interval '7 days' AND k.payment_id < range.upper::uuid AND (range.lower IS NULL OR k.payment_id >= range.lower::uuid);
    ELSIF range.of_table = 'events' THEN
      RETURN QUERY SELECT 'delivery_job', count(*) FROM jobs j WHERE j.event_id < range.upper AND j.event_id >= coalesce(range.lower, '');
      RETURN QUERY SELECT 'recovery', count(*) FROM recoveries r WHERE r.state = 'running' AND r.since < ends AND r.until > range.since;
    ELSIF range.of_table = 'deliveries' THEN
      RETURN QUERY EXECUTE format('SELECT ''pending_delivery'', count(*) FROM public.%I WHERE status = ''pending''', range.name);
    END IF;
  END LOOP;
  RETURN QUERY SELECT 'unfinished_restore', count(*) FROM restores r WHERE r.finished_at IS NULL;
END
$$;

-- Detaches the partitions of one range and moves them to the schema `archive`, where the role of the application has no right: all of
-- them in one commit with the entry of the audit log, or none. The comment of each says what it is.
--
-- It returns {"outcome": "archived", "rows": {name: rows}}, {"outcome": "refused", "obstacles": {name: count}}, or {"outcome": "busy"}:
-- then the tables were not free in time, or another process makes, drops or archives partitions, and it can be called again.
--
-- The rows are read before the tables are locked. What can make a settled payment open again in between is seen after that: a retry
-- leaves a job, or a payment in review, which the small index `payments_to_review` has.
--
-- For the owner of the tables.
CREATE FUNCTION "archive_range"(ends timestamptz, actor text, source text) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
  obstacles jsonb;
  tables text[];
  names text[];
  parts jsonb;
  part jsonb;
  lower text;
  upper text;
  counted bigint;
  rows jsonb := '{}';
  grantee text;
BEGIN
  IF ends IS NULL OR ends > now() - interval '90 days' THEN
    RAISE EXCEPTION 'the range must have ended 90 days ago' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- `part` in ASCII, as in make_partition.
  IF NOT pg_try_advisory_xact_lock(x'70617274'::int) THEN
    RETURN '{"outcome": "busy"}';
  END IF;
  SELECT jsonb_object_agg(o.obstacle, o.n) INTO obstacles
    FROM (SELECT a.obstacle, sum(a.count)::bigint AS n FROM archive_obstacles(ends) a GROUP BY 1 HAVING sum(a.count) > 0) o;
  IF obstacles IS NOT NULL THEN
    RETURN jsonb_build_object('outcome', 'refused', 'obstacles', obstacles);
  END IF;
  SELECT array_agg(r.of_table), array_agg(r.name),
         jsonb_agg(jsonb_build_object('table', r.of_table, 'name', r.name, 'since', nullif(r.since, '-infinity'), 'upto', r.upto, 'bound', e.text))
    INTO tables, names, parts
    FROM partition_ranges() r JOIN pg_class c ON c.oid = r.partition CROSS JOIN LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid) AS text) e
   WHERE r.upto = ends;
  IF names IS NULL THEN
    RETURN '{"outcome": "archived", "rows": {}}';
  END IF;
  CREATE SCHEMA IF NOT EXISTS archive;
  FOR part IN SELECT * FROM jsonb_array_elements(parts) LOOP
    EXECUTE format('SELECT count(*) FROM public.%I', part->>'name') INTO counted;
    rows := rows || jsonb_build_object(part->>'name', counted);
  END LOOP;

  IF NOT lock_to_detach(tables, names) THEN
    RETURN '{"outcome": "busy"}';
  END IF;
  -- Jobs are compared with the bounds: a join could read the whole partition while everybody waits.
  FOR part IN SELECT * FROM jsonb_array_elements(parts) LOOP
    lower := substring(part->>'bound' FROM 'FROM \(''([^'']+)''\)');
    upper := substring(part->>'bound' FROM 'TO \(''([^'']+)''\)');
    IF part->>'table' = 'payments' THEN
      EXECUTE format('SELECT jsonb_strip_nulls(jsonb_build_object(''payment_needs_review'', nullif((SELECT count(*) FROM public.%I
          WHERE failure_code IN (''entry_differs'', ''not_confirmed'', ''outcome_unknown'', ''settlement_failed'', ''several_matches'')
            AND status = ''needs_review''), 0),
        ''posting_job'', nullif((SELECT count(*) FROM jobs j WHERE j.payment_id < $2 AND ($1 IS NULL OR j.payment_id >= $1)), 0)))', part->>'name')
        INTO obstacles USING lower::uuid, upper::uuid;
    ELSIF part->>'table' = 'events' THEN
      SELECT jsonb_strip_nulls(jsonb_build_object('delivery_job', nullif(count(*), 0))) INTO obstacles
        FROM jobs j WHERE j.event_id < upper AND j.event_id >= coalesce(lower, '');
    END IF;
    IF obstacles <> '{}' THEN
      RETURN jsonb_build_object('outcome', 'refused', 'obstacles', obstacles);
    END IF;
  END LOOP;
  FOR part IN SELECT * FROM jsonb_array_elements(parts) LOOP
    EXECUTE format('ALTER TABLE public.%I DETACH PARTITION public.%I', part->>'table', part->>'name');
    FOR grantee IN
      SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a
       WHERE c.oid = format('public.%I', part->>'name')::regclass AND a.grantee <> c.relowner
    LOOP
      EXECUTE format('REVOKE ALL ON public.%I FROM %s', part->>'name', grantee);
    END LOOP;
    EXECUTE format('ALTER TABLE public.%I SET SCHEMA archive', part->>'name');
    EXECUTE format('COMMENT ON TABLE archive.%I IS %L', part->>'name', part::text);
  END LOOP;
  INSERT INTO audit_log (actor, source, action, subject, outcome, detail)
  VALUES (actor, source, 'archive.detach', 'archive:' || to_char(ends AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'done', rows);
  RETURN jsonb_build_object('outcome', 'archived', 'rows', rows);
END
$$;

-- For nobody but the owner; the role of the application is allowed to call those that it needs when it is made (`APP_ROLE`).
REVOKE ALL ON FUNCTION "partition_ranges"(), "partition_cover"(), "lock_to_detach"(text[], text[]),
  "drop_event_partitions"(int), "archive_obstacles"(timestamptz), "archive_range"(timestamptz, text, text) FROM PUBLIC;

DO $$
DECLARE
  given text;
BEGIN
  FOR given IN
    SELECT pg_get_userbyid(a.grantee) FROM pg_proc p CROSS JOIN LATERAL aclexplode(p.proacl) AS a
     WHERE p.oid = 'make_partition(text, int, int)'::regprocedure AND a.grantee <> p.proowner AND a.grantee <> 0
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION partition_cover(), drop_event_partitions(int) TO %I', given);
  END LOOP;
END
$$;
