-- Alone in its transaction: a migration that holds one table for itself and waits for another can be part of a deadlock with a statement of
-- a running process, and one that fails must be resolved by hand.
--
-- All nullable, and without a default: no row is rewritten. A connection without next_sync_at is due.
ALTER TABLE "connections"
  ADD COLUMN "sync_lane_id" INTEGER,
  ADD COLUMN "next_sync_at" TIMESTAMPTZ(3),
  ADD COLUMN "sync_watermark" TEXT,
  ADD COLUMN "synced_version" TIMESTAMPTZ(3),
  ADD COLUMN "full_synced_at" TIMESTAMPTZ(3);

CREATE UNIQUE INDEX "connections_sync_lane_id_key" ON "connections"("sync_lane_id");
CREATE INDEX "connections_next_sync_at_idx" ON "connections"("next_sync_at");
