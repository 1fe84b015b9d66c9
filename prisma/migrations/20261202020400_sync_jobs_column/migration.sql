-- Nullable, and without a default: no row is rewritten. Alone in its transaction, as the columns of connections are.
ALTER TABLE "jobs" ADD COLUMN "sync_run_id" BIGINT;
