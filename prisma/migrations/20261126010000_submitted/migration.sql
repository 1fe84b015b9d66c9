-- The EMR has accepted the payment for later (HTTP 202) and has not confirmed it yet. A new value cannot be used in the
-- transaction that adds it, so nothing else here uses it.
ALTER TYPE "payment_status" ADD VALUE 'submitted' BEFORE 'posted';

-- The answer to a job's last try, in our words, and how many tries in a row have had the same one; and how many tries in a
-- row could not be recorded because of an error of ours.
ALTER TABLE "jobs" ADD COLUMN "last_code" TEXT,
ADD COLUMN "last_reason" TEXT,
ADD COLUMN "same_answers" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN "record_failures" INTEGER NOT NULL DEFAULT 0;
