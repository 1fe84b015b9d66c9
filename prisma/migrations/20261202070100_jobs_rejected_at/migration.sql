-- Nullable, and without a default: no row is rewritten. Alone in its transaction, as the other columns of jobs are.
ALTER TABLE "jobs" ADD COLUMN "rejected_at" TIMESTAMPTZ(3);
