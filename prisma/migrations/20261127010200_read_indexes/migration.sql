-- Lists of deliveries and events, newest first, of all types and of one. Every column is one that never changes, so updates of
-- a delivery do not write to these indexes. While they are built, settling and delivering wait (about a second for each million
-- rows); accepting does not use these tables.
ALTER TABLE "deliveries" ALTER COLUMN "event_type" SET NOT NULL;

-- DropIndex
DROP INDEX "deliveries_endpoint_id_id_idx";

-- CreateIndex
CREATE INDEX "deliveries_endpoint_id_created_at_id_idx" ON "deliveries"("endpoint_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "deliveries_endpoint_id_event_type_created_at_id_idx" ON "deliveries"("endpoint_id", "event_type", "created_at", "id");

-- CreateIndex
CREATE INDEX "events_client_pk_type_created_at_id_idx" ON "events"("client_pk", "type", "created_at", "id");

-- The next attempt of a delivery, however many others wait in its lane. Jobs of payments are not in it, so that accepting does
-- not write to it. Accepting waits while it is built; the table contains only live work.
CREATE INDEX "jobs_of_deliveries" ON "jobs"("delivery_id") WHERE (delivery_id IS NOT NULL);

-- Endpoints of a client without those that it has deleted, of which there can be any number.
CREATE INDEX "webhook_endpoints_of_client" ON "webhook_endpoints"("client_pk", "created_at", "id") WHERE (deleted_at IS NULL);
