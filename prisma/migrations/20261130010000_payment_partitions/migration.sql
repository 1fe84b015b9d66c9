-- The five tables that grow with every payment become partitioned by time: by their ids, which begin with it. New rows go to a
-- partition of their own time, whose indexes are small and in memory; what is old is dropped or archived by partition, and not
-- deleted by row. Why, and what was measured: docs/decisions/0020-partitions.md. This file: payments and posting attempts.
--
-- No row is copied. The present tables become the partitions `_old`: everything up to a midnight (UTC) that is at least a day away.
-- Accepting waits while the table is read once, to prove that, and one index is built: under a second for each million payments.
-- Stop the workers first: those of the version before do not know the new keys (docs/operating.md, "Upgrading").
--
-- There are no foreign keys between or into these tables any more: each costs a trigger for every row, and would make it
-- impossible to detach a partition without reading others. The statement that writes a child writes or locks its parent.
ALTER TABLE "posting_attempts" DROP CONSTRAINT "posting_attempts_payment_id_fkey";
ALTER TABLE "events" DROP CONSTRAINT "events_payment_id_fkey";
ALTER TABLE "deliveries" DROP CONSTRAINT "deliveries_event_id_fkey";
ALTER TABLE "delivery_attempts" DROP CONSTRAINT "delivery_attempts_delivery_id_fkey";

-- The bounds of partitions: no id that was made at this time or later is smaller. As firstPaymentId and firstEventId in packages/contracts.
CREATE FUNCTION "first_payment_id"("moment" timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- The digits are in the order of their bytes.
CREATE FUNCTION "first_event_id"("moment" timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'evt_' || string_agg(substr('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
                                     (div(floor(extract(epoch FROM moment) * 1000), 62::numeric ^ (8 - n)) % 62)::int + 1, 1), '' ORDER BY n)
    FROM generate_series(1, 8) AS n
$$;

-- Makes the next partition of one of the five tables, if the ids of the next `ahead_days` days are not covered yet. It returns its
-- name, `<table>_<yyyymmdd>` by the day (UTC) at which its ids begin; null when nothing had to be made, or another process makes
-- partitions at this moment. Call it until it returns null, one table after another, payments first, and every hour.
--
-- All five tables have the same bounds: those of payments, whose partitions are `width_days` wide. The others get the partitions
-- that payments has.
--
-- It makes one partition in a transaction, and locks one table at a time, so that it cannot be part of a deadlock. The partition is
-- made apart, and attached at the end. That locks the default partition for the moment that it takes to read it; whatever waits
-- for that waits no longer than the lock_timeout here, after which this call fails and is made again later. Rows of the new range
-- that are in the default partition are moved.
--
-- The role of the application may call it, and can change no structure by itself: so the input is bounded.
CREATE FUNCTION "make_partition"(of_table text, width_days int, ahead_days int) RETURNS text
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
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', made, of_table);
  -- The storage parameters of the last partition: a partitioned table has none.
  SELECT c.reloptions INTO options FROM partition_bounds(of_table) b JOIN pg_class c ON c.oid = b.partition ORDER BY b.upto DESC LIMIT 1;
  IF options IS NOT NULL THEN
    EXECUTE format('ALTER TABLE public.%I SET (%s)', made,
                   (SELECT string_agg(format('%I = %L', split_part(option, '=', 1), split_part(option, '=', 2)), ', ')
                      FROM unnest(options) AS option));
  END IF;

  EXECUTE format('LOCK TABLE ONLY public.%I IN SHARE UPDATE EXCLUSIVE MODE', of_table);
  EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', rest);
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
   WHERE attrelid = made::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  EXECUTE format('WITH moved AS (DELETE FROM public.%1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING %5$s)
                  INSERT INTO public.%6$I (%5$s) SELECT %5$s FROM moved', rest, key_column, bounds[1], bounds[2], columns, made);
  EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', of_table, made, bounds[1], bounds[2]);
  RETURN made;
END
$$;

-- Returns the partitions of a table that end at a time, and that time, read from the bounds of their ids.
CREATE FUNCTION "partition_bounds"(of_table text) RETURNS TABLE (partition oid, upto timestamptz)
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
  SELECT c.oid, to_timestamp((CASE WHEN id.upto LIKE 'evt\_%' THEN (
           SELECT sum((strpos('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', substr(id.upto, 4 + n, 1)) - 1)
                      * 62::numeric ^ (8 - n)) FROM generate_series(1, 8) AS n)
         ELSE ('x' || lpad(substr(replace(id.upto, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint END) / 1000)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
   CROSS JOIN LATERAL (SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''([^'']+)''\)$') AS upto) id
   WHERE i.inhparent = format('public.%I', of_table)::regclass AND id.upto IS NOT NULL
$$;

REVOKE ALL ON FUNCTION "make_partition"(text, int, int), "partition_bounds"(text) FROM PUBLIC;

-- job_id is looked up, and unique by its sequence: a unique index of a partitioned table would have to contain the id.
ALTER TABLE "payments" RENAME TO "payments_old";
DROP INDEX "payments_job_id_key";
CREATE INDEX "payments_old_job_id_idx" ON "payments_old" ("job_id");
ALTER INDEX "payments_pkey" RENAME TO "payments_old_pkey";
ALTER INDEX "payments_user_id_created_at_id_idx" RENAME TO "payments_old_user_id_created_at_id_idx";
ALTER INDEX "payments_user_id_patient_mrn_idx" RENAME TO "payments_old_user_id_patient_mrn_idx";
ALTER INDEX "payments_user_id_reference_number_idx" RENAME TO "payments_old_user_id_reference_number_idx";
ALTER INDEX "payments_user_id_location_created_at_idx" RENAME TO "payments_old_user_id_location_created_at_idx";
ALTER INDEX "payments_user_id_deposit_date_idx" RENAME TO "payments_old_user_id_deposit_date_idx";
ALTER INDEX "payments_to_mend" RENAME TO "payments_old_to_mend";
ALTER INDEX "payments_to_review" RENAME TO "payments_old_to_review";

CREATE TABLE "payments" (LIKE "payments_old" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("id");
ALTER TABLE "payments" ADD CONSTRAINT "payments_pkey" PRIMARY KEY ("id");
CREATE INDEX "payments_job_id_idx" ON "payments" ("job_id");
CREATE INDEX "payments_user_id_created_at_id_idx" ON "payments" ("user_id", "created_at", "id");
CREATE INDEX "payments_user_id_patient_mrn_idx" ON "payments" ("user_id", "patient_mrn");
CREATE INDEX "payments_user_id_reference_number_idx" ON "payments" ("user_id", "reference_number");
CREATE INDEX "payments_user_id_location_created_at_idx" ON "payments" ("user_id", "location", "created_at");
CREATE INDEX "payments_user_id_deposit_date_idx" ON "payments" ("user_id", "deposit_date");
CREATE INDEX "payments_to_mend" ON "payments" ("user_id", "created_at", "id") WHERE (failure_code IS NOT NULL);
CREATE INDEX "payments_to_review" ON "payments" ("user_id", "created_at", "id") WHERE (failure_code IN ('entry_differs', 'not_confirmed', 'outcome_unknown', 'settlement_failed', 'several_matches'));

ALTER TABLE "posting_attempts" RENAME TO "posting_attempts_old";
ALTER INDEX "posting_attempts_pkey" RENAME TO "posting_attempts_old_pkey";
ALTER INDEX "emr_texts" RENAME TO "posting_attempts_old_emr_texts";
ALTER INDEX "emr_texts_by_age" RENAME TO "posting_attempts_old_emr_texts_by_age";

CREATE TABLE "posting_attempts" (LIKE "posting_attempts_old" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("payment_id");
ALTER TABLE "posting_attempts" ADD CONSTRAINT "posting_attempts_pkey" PRIMARY KEY ("payment_id", "number");
CREATE INDEX "emr_texts" ON "posting_attempts" ("payment_id", "number") WHERE (emr_text IS NOT NULL);
CREATE INDEX "emr_texts_by_age" ON "posting_attempts" ("sent_at") WHERE (emr_text IS NOT NULL);

CREATE TABLE "payments_default" PARTITION OF "payments" DEFAULT WITH (fillfactor = 85);
CREATE TABLE "posting_attempts_default" PARTITION OF "posting_attempts" DEFAULT WITH (fillfactor = 50);

-- Who may use a table may use it as before, and its partitions through it only. Who may write payments may make partitions: that
-- is the role of the application.
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT t.name, pg_get_userbyid(a.grantee) AS role, a.privilege_type AS may, t.source AS source
      FROM (VALUES ('payments', 'payments_old'), ('posting_attempts', 'posting_attempts_old')) AS t(name, source)
      JOIN pg_class c ON c.oid = t.source::regclass CROSS JOIN LATERAL aclexplode(c.relacl) AS a
     WHERE a.grantee <> c.relowner AND a.grantee <> 0
  LOOP
    EXECUTE format('GRANT %s ON TABLE %I TO %I', given.may, given.name, given.role);
    EXECUTE format('REVOKE %s ON TABLE %I FROM %I', given.may, given.source, given.role);
    IF given.name = 'payments' AND given.may = 'INSERT' THEN
      EXECUTE format('GRANT EXECUTE ON FUNCTION make_partition(text, int, int) TO %I', given.role);
    END IF;
  END LOOP;
END
$$;

-- Ids that no clock has made are moved to where they belong; usually there are none. The check proves to ATTACH that every row
-- fits, so that it reads nothing while it has its locks.
DO $$
DECLARE
  midnight CONSTANT timestamptz := date_trunc('day', now(), 'UTC') + interval '48 hours';
  bound CONSTANT uuid := first_payment_id(midnight);
  made text;
BEGIN
  WITH moved AS (DELETE FROM payments_old WHERE id >= bound RETURNING *) INSERT INTO payments_default SELECT * FROM moved;
  WITH moved AS (DELETE FROM posting_attempts_old WHERE payment_id >= bound RETURNING *)
  INSERT INTO posting_attempts_default SELECT * FROM moved;
  EXECUTE format('ALTER TABLE payments_old ADD CONSTRAINT fits CHECK (id < %L)', bound);
  EXECUTE format('ALTER TABLE payments ATTACH PARTITION payments_old FOR VALUES FROM (MINVALUE) TO (%L)', bound);
  ALTER TABLE payments_old DROP CONSTRAINT fits;
  EXECUTE format('ALTER TABLE posting_attempts_old ADD CONSTRAINT fits CHECK (payment_id < %L)', bound);
  EXECUTE format('ALTER TABLE posting_attempts ATTACH PARTITION posting_attempts_old FOR VALUES FROM (MINVALUE) TO (%L)', bound);
  ALTER TABLE posting_attempts_old DROP CONSTRAINT fits;
  LOOP
    made := make_partition('payments', 28, 60);
    EXIT WHEN made IS NULL;
  END LOOP;
  LOOP
    made := make_partition('posting_attempts', 28, 60);
    EXIT WHEN made IS NULL;
  END LOOP;
END
$$;
