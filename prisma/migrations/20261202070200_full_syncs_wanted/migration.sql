-- A full sync that was requested while an incremental one runs. The default is a constant: no row is rewritten.
ALTER TABLE "sync_runs" ADD COLUMN "full_wanted" BOOLEAN NOT NULL DEFAULT false;
