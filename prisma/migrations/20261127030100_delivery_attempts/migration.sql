-- The same for the count of a delivery's attempts; a migration of its own, so that the two tables are locked one after the other.
-- Accepting does not touch this table. Settling a payment inserts into it: ends of postings wait for the rewrite, at the longest for
-- their time-out, after which they are recorded again; nothing is sent a second time for it.
--
-- The lists of failed and canceled deliveries need an index, and an index with the status would make every change of a delivery's
-- status write to all of its indexes. This column differs only where a delivery is lost, so that the usual change, from pending to
-- delivered, writes to no index. It is added here because this migration rewrites the table anyway.
ALTER TABLE "deliveries"
    ALTER COLUMN "attempts" SET DATA TYPE INTEGER,
    ADD COLUMN "lost" BOOLEAN GENERATED ALWAYS AS (status IN ('failed', 'canceled')) STORED;

-- CreateIndex
CREATE INDEX "deliveries_lost" ON "deliveries"("endpoint_id", "created_at", "id") WHERE (lost);
