-- One row, which the first worker that starts writes.
CREATE TABLE "lineage" (
    "id" SMALLINT NOT NULL DEFAULT 1,
    "installation" UUID NOT NULL,
    "cluster" TEXT NOT NULL,
    "mark" BIGINT NOT NULL DEFAULT 0,
    "doubted_at" TIMESTAMPTZ(3),
    "doubt" TEXT,
    "witnessed" BIGINT,

    CONSTRAINT "lineage_pkey" PRIMARY KEY ("id")
);

-- The identity of the server and the database: system identifier, timeline, and the number of the database. A restore to a point in time and a
-- promotion change the timeline, a new server the identifier, a database that was made anew from a dump its number. What a managed
-- PostgreSQL does not show is left out. As the owner, so that every role reads the same. It fails while the server recovers.
CREATE FUNCTION "cluster_identity"() RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  system text := '-';
  timeline text := '-';
BEGIN
  BEGIN
    system := (SELECT system_identifier::text FROM pg_control_system());
  EXCEPTION WHEN feature_not_supported OR insufficient_privilege OR undefined_function THEN NULL;
  END;
  BEGIN
    timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
  EXCEPTION WHEN feature_not_supported OR insufficient_privilege OR undefined_function THEN NULL;
  END;
  RETURN system || '/' || timeline || '/' || (SELECT oid FROM pg_database WHERE datname = current_database());
END
$$;

REVOKE ALL ON FUNCTION "cluster_identity"() FROM PUBLIC;
