-- Where a send went, in the adapter's words. Null: sent before this was written, or put in doubt by a restore; it counts as sent to
-- the present connection.
ALTER TABLE "posting_attempts" ADD COLUMN "sent_to" TEXT;
