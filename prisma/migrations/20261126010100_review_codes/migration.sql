-- A review has two further codes, `not_confirmed` and `settlement_failed`. The index of the worklist contains every code of a
-- review. Building it reads the table once, and accepting waits meanwhile.
DROP INDEX "payments_to_review";
CREATE INDEX "payments_to_review" ON "payments"("user_id", "created_at", "id") WHERE (failure_code IN ('entry_differs', 'not_confirmed', 'outcome_unknown', 'settlement_failed', 'several_matches'));
