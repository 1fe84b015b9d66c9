-- While payments wait for a limit of requests, calls that no payment waits for get a share of it.
ALTER TABLE "rate_buckets" ADD COLUMN "wanted_until" TIMESTAMPTZ(3),
                           ADD COLUMN "yield_slot" TIMESTAMPTZ(6);

-- The schema does not describe checks; the one statement that writes these arrays gives them the same length.
ALTER TABLE "rate_buckets" DROP CONSTRAINT "rate_buckets_windows";
