-- Questions to EMRs about patients who are not known here, so that the bounds of look-ups hold over all API processes. Unlogged: a crash of
-- PostgreSQL empties it, and the next request asks again. The table is new: nothing waits for it, and the version before does not know it.
CREATE UNLOGGED TABLE "patient_lookups" (
    "id" BIGSERIAL NOT NULL,
    "user_id" INTEGER NOT NULL,
    "version" TIMESTAMPTZ(3) NOT NULL,
    "mrn_hash" BYTEA NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,
    "answer" TEXT,
    "reason" TEXT,
    "retry_after_ms" INTEGER,
    "emr_patient_id" TEXT,

    CONSTRAINT "patient_lookups_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "patient_lookups_user_id_mrn_hash_idx" ON "patient_lookups"("user_id", "mrn_hash");
