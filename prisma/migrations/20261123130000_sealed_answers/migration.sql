-- Finds the few sealed answers among the many keys, for the rotation of encryption keys.
CREATE INDEX "idempotency_answers" ON "idempotency_keys"("client_pk", "user_id", "key") WHERE (response IS NOT NULL);
