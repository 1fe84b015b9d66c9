-- The EMR's own words about an attempt can name a patient: they are kept sealed, and passed on only where the connection says so.
-- Building the indexes reads the attempts once, and posting waits meanwhile. Both stay small: few attempts have such words.
ALTER TABLE "posting_attempts" ADD COLUMN "emr_text" TEXT;
ALTER TABLE "connections" ADD COLUMN "share_emr_text" BOOLEAN NOT NULL DEFAULT false;
CREATE INDEX "emr_texts" ON "posting_attempts"("payment_id", "number") WHERE (emr_text IS NOT NULL);
CREATE INDEX "emr_texts_by_age" ON "posting_attempts"("sent_at") WHERE (emr_text IS NOT NULL);
