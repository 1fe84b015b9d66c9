-- For lists and for the reconciliation. Each entry is written on the accept path, so there are few and they are narrow: what
-- they find is little enough to be sorted; what is found often is read in the order of the index on time.
-- CreateIndex
CREATE INDEX "payments_user_id_patient_mrn_idx" ON "payments"("user_id", "patient_mrn");

-- CreateIndex
CREATE INDEX "payments_user_id_reference_number_idx" ON "payments"("user_id", "reference_number");

-- Without a location PostgreSQL 18 skips from one to the next: a practice has few.
-- CreateIndex
CREATE INDEX "payments_user_id_location_deposit_date_idx" ON "payments"("user_id", "location", "deposit_date");

-- The worklist. Both go by the failure code, which changes only for the few that fail: an index on the status would make
-- every change of it write every index of the table anew.
CREATE INDEX "payments_to_mend" ON "payments"("user_id", "created_at", "id") WHERE (failure_code IS NOT NULL);

-- CreateIndex
CREATE INDEX "payments_to_review" ON "payments"("user_id", "created_at", "id") WHERE (failure_code IN ('outcome_unknown', 'several_matches'));

-- Unlogged: it is worth a second, and written every second.
CREATE UNLOGGED TABLE "rate_demands" (
    "key" TEXT NOT NULL,
    "process" UUID NOT NULL,
    "demand" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "rate_demands_pkey" PRIMARY KEY ("key", "process")
);

-- Every row is updated every second and none is ever looked for by its time: vacuum by churn.
ALTER TABLE "rate_demands" SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
