-- Nullable and without a default: no row is rewritten, and statements of the previous version do not name it.
ALTER TABLE "jobs" ADD COLUMN "traceparent" TEXT;
