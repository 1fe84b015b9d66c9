-- Entries that count equal actions say of which minute, and every entry of a request for a user names the user. Adding the two
-- columns writes no row. Building the indexes blocks writers of the audit log, not its readers: API requests that change something
-- other than accepting a payment, and commands. So far one entry was written for each such change, so this takes seconds at most;
-- requests wait for it, and accepting does not write here.
ALTER TABLE "audit_log" ADD COLUMN "user_id" TEXT,
                        ADD COLUMN "minute" TIMESTAMPTZ(0);

-- CreateIndex
CREATE INDEX "audit_log_actor_id_idx" ON "audit_log"("actor", "id");

-- CreateIndex
CREATE INDEX "audit_log_user_id_id_idx" ON "audit_log"("user_id", "id");

-- CreateIndex
CREATE INDEX "audit_log_action_id_idx" ON "audit_log"("action", "id");

-- CreateIndex
CREATE INDEX "audit_log_source_id_idx" ON "audit_log"("source", "id");

-- CreateIndex
CREATE INDEX "audit_log_at_idx" ON "audit_log"("at");
