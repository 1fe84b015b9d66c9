-- The list of one location in the order of the list, so that a location that has had no payment for a long time is not looked
-- for among all others; and the reconciliation of a date, whatever locations it has. They replace one index that served both
-- badly. New payments are at the end of the range of their user in both, so their leaves are in memory. Neither contains the id:
-- the payments of one commit have one time and so one entry, and the few of one time are sorted. Building them reads the table twice (about two seconds for each million payments), and accepting waits meanwhile.
-- DropIndex
DROP INDEX "payments_user_id_location_deposit_date_idx";

-- CreateIndex
CREATE INDEX "payments_user_id_location_created_at_idx" ON "payments"("user_id", "location", "created_at");

-- CreateIndex
CREATE INDEX "payments_user_id_deposit_date_idx" ON "payments"("user_id", "deposit_date");
