-- The same for the count of a delivery's attempts; a migration of its own, so that the two tables are locked one after the other.
-- Accepting does not touch this table. Settling a payment inserts into it: ends of postings wait for the rewrite, at the longest for
-- their time-out, after which they are recorded again; nothing is sent a second time for it.
ALTER TABLE "deliveries" ALTER COLUMN "attempts" SET DATA TYPE INTEGER;
