-- A review has a further code, `entry_differs`. The index of the worklist contains every code of a review.
-- Building it reads the table once, and accepting waits meanwhile.
DROP INDEX "payments_to_review";
CREATE INDEX "payments_to_review" ON "payments"("user_id", "created_at", "id") WHERE (failure_code IN ('entry_differs', 'outcome_unknown', 'several_matches'));
