-- Syncs: what a connection's EMR lists is read into our own tables, on a schedule and on demand.
CREATE TYPE "sync_kind" AS ENUM ('full', 'incremental');
CREATE TYPE "sync_start" AS ENUM ('schedule', 'request');
CREATE TYPE "sync_state" AS ENUM ('waiting', 'running', 'done', 'failed', 'canceled');
CREATE TYPE "sync_phase" AS ENUM ('names', 'patients', 'settle', 'absent');
CREATE TYPE "emr_name_kind" AS ENUM ('method', 'location');

CREATE TABLE "sync_runs" (
    "id" BIGSERIAL NOT NULL,
    "job_id" BIGINT NOT NULL,
    "user_id" INTEGER NOT NULL,
    "kind" "sync_kind" NOT NULL,
    "started_by" "sync_start" NOT NULL,
    "state" "sync_state" NOT NULL DEFAULT 'waiting',
    "phase" "sync_phase" NOT NULL DEFAULT 'names',
    "version" TIMESTAMPTZ(3) NOT NULL,
    "since" TEXT,
    "cursor" TEXT,
    "watermark" TEXT,
    "pages" INTEGER NOT NULL DEFAULT 0,
    "seen" INTEGER NOT NULL DEFAULT 0,
    "unreadable" INTEGER NOT NULL DEFAULT 0,
    "added" INTEGER NOT NULL DEFAULT 0,
    "changed" INTEGER NOT NULL DEFAULT 0,
    "closed" INTEGER NOT NULL DEFAULT 0,
    "ambiguous" INTEGER NOT NULL DEFAULT 0,
    "conflicts" INTEGER NOT NULL DEFAULT 0,
    "restarts" SMALLINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "ended_at" TIMESTAMPTZ(3),
    "trouble_since" TIMESTAMPTZ(3),
    "last_code" TEXT,
    "last_reason" TEXT,

    CONSTRAINT "sync_runs_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "sync_runs_job_id_key" ON "sync_runs"("job_id");
-- One run of a connection at a time.
CREATE UNIQUE INDEX "sync_runs_live" ON "sync_runs"("user_id") WHERE (state IN ('waiting', 'running'));
CREATE INDEX "sync_runs_user_id_id_idx" ON "sync_runs"("user_id", "id");
CREATE INDEX "sync_runs_ended_at_idx" ON "sync_runs"("ended_at");
ALTER TABLE "sync_runs" ADD CONSTRAINT "sync_runs_user_id_fkey"
  FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- The records that a run has read so far, with a row for each MRN of a record. Unlogged: a crash of PostgreSQL empties it, the run finds fewer rows than it has counted, and
-- begins again.
CREATE UNLOGGED TABLE "sync_seen" (
    "run_id" BIGINT NOT NULL,
    "emr_patient_id" TEXT NOT NULL,
    "mrn" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "into_id" TEXT,

    CONSTRAINT "sync_seen_pkey" PRIMARY KEY ("run_id", "emr_patient_id", "mrn")
);
CREATE INDEX "sync_seen_run_id_mrn_idx" ON "sync_seen"("run_id", "mrn");

-- The names that a connection's EMR lists.
CREATE TABLE "emr_name_lists" (
    "user_id" INTEGER NOT NULL,
    "any_method" BOOLEAN NOT NULL,
    "any_location" BOOLEAN NOT NULL,
    "synced_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "emr_name_lists_pkey" PRIMARY KEY ("user_id")
);
ALTER TABLE "emr_name_lists" ADD CONSTRAINT "emr_name_lists_user_id_fkey"
  FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TABLE "emr_names" (
    "user_id" INTEGER NOT NULL,
    "kind" "emr_name_kind" NOT NULL,
    "place" INTEGER NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "identifiers" TEXT[],
    "needs" TEXT,

    CONSTRAINT "emr_names_pkey" PRIMARY KEY ("user_id", "kind", "place")
);
ALTER TABLE "emr_names" ADD CONSTRAINT "emr_names_user_id_fkey"
  FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
