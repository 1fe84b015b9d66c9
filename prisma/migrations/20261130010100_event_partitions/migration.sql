-- The same for events, deliveries and their attempts, by the event's id. Ids of events begin with the time from now on, and are compared
-- byte by byte. Those from before are random: they are all in `_old`, which begins at 'evt_1', an id that the new ones reach in 2081.
-- One in 62 of them begins with 'evt_0' and is moved: to the first partition of the time, or to the default one.
--
-- Accepting does not use these tables. Settling and delivering wait while keys are built and the attempts are written with their event's
-- id: about ten seconds for each million events. A job of a delivery has the event's id too, so that its claim looks into one partition.
ALTER TABLE "jobs" ADD COLUMN "event_id" TEXT COLLATE "C";
UPDATE "jobs" SET "event_id" = deliveries.event_id FROM "deliveries" WHERE deliveries.id = jobs.delivery_id;

-- An API of the version before does not name the event. Its request fails, instead of leaving a delivery that nothing sends.
CREATE FUNCTION "refuse_job_without_event"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the job of a delivery needs its event_id: restart the processes of the version before' USING ERRCODE = 'not_null_violation';
END
$$;
CREATE TRIGGER "jobs_have_events" BEFORE INSERT ON "jobs"
  FOR EACH ROW WHEN (NEW.delivery_id IS NOT NULL AND NEW.event_id IS NULL) EXECUTE FUNCTION "refuse_job_without_event"();

-- One event for each round of a payment is guarded by the compare-and-set on payments.round in every statement that publishes one: a unique
-- index would have to contain the event's id.
ALTER TABLE "events" RENAME TO "events_old";
ALTER TABLE "events_old" DROP CONSTRAINT "events_pkey";
DROP INDEX "events_payment_id_round_key", "events_client_pk_created_at_id_idx", "events_client_pk_type_created_at_id_idx";
ALTER TABLE "events_old" ALTER COLUMN "id" TYPE TEXT COLLATE "C";
CREATE TABLE "events" (LIKE "events_old" INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE ("id");
CREATE TABLE "events_default" PARTITION OF "events" DEFAULT;

ALTER TABLE "delivery_attempts" RENAME TO "delivery_attempts_before";
CREATE TABLE "delivery_attempts" (LIKE "delivery_attempts_before" INCLUDING DEFAULTS, "event_id" TEXT COLLATE "C" NOT NULL)
    PARTITION BY RANGE ("event_id");
CREATE TABLE "delivery_attempts_old" AS
SELECT a.*, d.event_id COLLATE "C" AS event_id FROM "delivery_attempts_before" a JOIN "deliveries" d ON d.id = a.delivery_id;
ALTER TABLE "delivery_attempts_old"
    ALTER COLUMN "delivery_id" SET NOT NULL,
    ALTER COLUMN "number" SET NOT NULL,
    ALTER COLUMN "started_at" SET NOT NULL,
    ALTER COLUMN "duration_ms" SET NOT NULL,
    ALTER COLUMN "event_id" SET NOT NULL;
CREATE TABLE "delivery_attempts_default" PARTITION OF "delivery_attempts" DEFAULT;

DROP TRIGGER "deliveries_event_type" ON "deliveries";
ALTER TABLE "deliveries" RENAME TO "deliveries_old";
ALTER TABLE "deliveries_old" DROP CONSTRAINT "deliveries_pkey";
DROP INDEX "deliveries_event_id_endpoint_id_key";
ALTER TABLE "deliveries_old" ALTER COLUMN "event_id" TYPE TEXT COLLATE "C";
ALTER INDEX "deliveries_endpoint_id_created_at_id_idx" RENAME TO "deliveries_old_endpoint_id_created_at_id_idx";
ALTER INDEX "deliveries_endpoint_id_event_type_created_at_id_idx" RENAME TO "deliveries_old_endpoint_id_event_type_created_at_id_idx";
ALTER INDEX "deliveries_lost" RENAME TO "deliveries_old_lost";
ALTER INDEX "deliveries_of_recovery" RENAME TO "deliveries_old_of_recovery";
CREATE TABLE "deliveries" (LIKE "deliveries_old" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED) PARTITION BY RANGE ("event_id");
CREATE TABLE "deliveries_default" PARTITION OF "deliveries" DEFAULT WITH (fillfactor = 50);
ALTER SEQUENCE "deliveries_id_seq" OWNED BY "deliveries"."id";

-- Who may use a table may use it as before, and its partitions through it only.
DO $$
DECLARE
  given record;
BEGIN
  FOR given IN
    SELECT t.name, pg_get_userbyid(a.grantee) AS role, a.privilege_type AS may, t.source AS source
      FROM (VALUES ('events', 'events_old'), ('deliveries', 'deliveries_old'), ('delivery_attempts', 'delivery_attempts_before')) AS t(name, source)
      JOIN pg_class c ON c.oid = t.source::regclass CROSS JOIN LATERAL aclexplode(c.relacl) AS a
     WHERE a.grantee <> c.relowner AND a.grantee <> 0
  LOOP
    EXECUTE format('GRANT %s ON TABLE %I TO %I', given.may, given.name, given.role);
    EXECUTE format('REVOKE %s ON TABLE %I FROM %I', given.may, given.source, given.role);
  END LOOP;
END
$$;
DROP TABLE "delivery_attempts_before";

-- The first partition of the time: from before every id that begins with it, up to where the first one of payments ends.
DO $$
DECLARE
  upto CONSTANT timestamptz := (SELECT min(b.upto) FROM partition_bounds('payments') b);
  day CONSTANT text := to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD');
  bound CONSTANT text := first_event_id(upto);
BEGIN
  EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (MINVALUE) TO (%L)', day, bound);
  EXECUTE format('CREATE TABLE deliveries_%s PARTITION OF deliveries FOR VALUES FROM (MINVALUE) TO (%L) WITH (fillfactor = 50)', day, bound);
  EXECUTE format('CREATE TABLE delivery_attempts_%s PARTITION OF delivery_attempts FOR VALUES FROM (MINVALUE) TO (%L)', day, bound);

  WITH moved AS (DELETE FROM events_old WHERE id < 'evt_1' RETURNING *) INSERT INTO events SELECT * FROM moved;
  WITH moved AS (
    DELETE FROM deliveries_old WHERE event_id < 'evt_1'
    RETURNING id, event_id, endpoint_id, status, attempts, created_at, finished_at, recovery_id, event_type)
  INSERT INTO deliveries (id, event_id, endpoint_id, status, attempts, created_at, finished_at, recovery_id, event_type) SELECT * FROM moved;
  WITH moved AS (DELETE FROM delivery_attempts_old WHERE event_id < 'evt_1' RETURNING *) INSERT INTO delivery_attempts SELECT * FROM moved;
END
$$;

-- After the rows are in place, so that each index is built once.
ALTER TABLE "events_old" ADD CONSTRAINT "events_old_pkey" PRIMARY KEY ("id");
ALTER TABLE "deliveries_old" ADD CONSTRAINT "deliveries_old_pkey" PRIMARY KEY ("event_id", "id");
ALTER TABLE "delivery_attempts_old" ADD CONSTRAINT "delivery_attempts_old_pkey" PRIMARY KEY ("event_id", "delivery_id", "number");
CREATE INDEX "events_old_payment_id_idx" ON "events_old" ("payment_id");
CREATE INDEX "events_old_client_pk_created_at_id_idx" ON "events_old" ("client_pk", "created_at", "id");
CREATE INDEX "events_old_client_pk_type_created_at_id_idx" ON "events_old" ("client_pk", "type", "created_at", "id");
CREATE UNIQUE INDEX "deliveries_old_event_id_endpoint_id_key" ON "deliveries_old" ("event_id", "endpoint_id");
ALTER TABLE "events_old" ADD CONSTRAINT "fits" CHECK (id >= 'evt_1');
ALTER TABLE "deliveries_old" ADD CONSTRAINT "fits" CHECK (event_id >= 'evt_1');
ALTER TABLE "delivery_attempts_old" ADD CONSTRAINT "fits" CHECK (event_id >= 'evt_1');
ALTER TABLE "events" ATTACH PARTITION "events_old" FOR VALUES FROM ('evt_1') TO (MAXVALUE);
ALTER TABLE "deliveries" ATTACH PARTITION "deliveries_old" FOR VALUES FROM ('evt_1') TO (MAXVALUE);
ALTER TABLE "delivery_attempts" ATTACH PARTITION "delivery_attempts_old" FOR VALUES FROM ('evt_1') TO (MAXVALUE);
ALTER TABLE "events_old" DROP CONSTRAINT "fits";
ALTER TABLE "deliveries_old" DROP CONSTRAINT "fits";
ALTER TABLE "delivery_attempts_old" DROP CONSTRAINT "fits";

-- Indexes of the whole, which take those of `_old` and are built in the other partitions, of which the largest has some per cent of the rows.
ALTER TABLE "events" ADD CONSTRAINT "events_pkey" PRIMARY KEY ("id");
CREATE INDEX "events_payment_id_idx" ON "events" ("payment_id");
CREATE INDEX "events_client_pk_created_at_id_idx" ON "events" ("client_pk", "created_at", "id");
CREATE INDEX "events_client_pk_type_created_at_id_idx" ON "events" ("client_pk", "type", "created_at", "id");
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_pkey" PRIMARY KEY ("event_id", "id");
CREATE UNIQUE INDEX "deliveries_event_id_endpoint_id_key" ON "deliveries" ("event_id", "endpoint_id");
CREATE INDEX "deliveries_endpoint_id_created_at_id_idx" ON "deliveries" ("endpoint_id", "created_at", "id");
CREATE INDEX "deliveries_endpoint_id_event_type_created_at_id_idx" ON "deliveries" ("endpoint_id", "event_type", "created_at", "id");
CREATE INDEX "deliveries_lost" ON "deliveries" ("endpoint_id", "created_at", "id") WHERE (lost);
CREATE INDEX "deliveries_of_recovery" ON "deliveries" ("recovery_id") WHERE (recovery_id IS NOT NULL);
ALTER TABLE "delivery_attempts" ADD CONSTRAINT "delivery_attempts_pkey" PRIMARY KEY ("event_id", "delivery_id", "number");

CREATE TRIGGER "deliveries_event_type" BEFORE INSERT ON "deliveries"
  FOR EACH ROW WHEN (NEW.event_type IS NULL) EXECUTE FUNCTION copy_event_type();

DO $$
DECLARE
  of_table text;
  made text;
BEGIN
  FOREACH of_table IN ARRAY ARRAY['events', 'deliveries', 'delivery_attempts'] LOOP
    LOOP
      made := make_partition(of_table, 28, 60);
      EXIT WHEN made IS NULL;
    END LOOP;
  END LOOP;
END
$$;
