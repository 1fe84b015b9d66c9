-- The payments whose answer repeats, which a scrape counts: without it, every live job would be read to find them. The number is that of
-- `REPEATING` in packages/db/src/measures/count-repeating.ts.
CREATE INDEX CONCURRENTLY "jobs_repeating" ON "jobs"("id") WHERE (kind = 'post_payment' AND same_answers >= 10);
