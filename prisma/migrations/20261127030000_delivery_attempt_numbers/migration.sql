-- Attempts to deliver one event to one endpoint are numbered without an end: an event can be redelivered as often as its client likes,
-- and the 32,768th attempt did not fit. The number is part of a key, so it cannot stop at a highest value.
--
-- The change rewrites this table and its key once. The table holds the deliveries of the time for which events are kept, and neither
-- accepting nor posting touches it: only the records of deliveries wait meanwhile, and they are repeated.
--
-- Other counters stay as they are: `jobs.tries` stops at 1000 in its statements, because only the length of a pause depends on it, and
-- `payments.round`, part of the key of a payment's events, is bounded by `retry-payment.ts`: rewriting the payments would stop accepting.
ALTER TABLE "delivery_attempts" ALTER COLUMN "number" SET DATA TYPE INTEGER;
