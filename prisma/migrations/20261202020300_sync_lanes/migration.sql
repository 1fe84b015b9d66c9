-- Locks the lanes first, as the statement that makes a connection does.
LOCK TABLE "lanes", "connections" IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE "connections" ADD CONSTRAINT "connections_sync_lane_id_fkey"
  FOREIGN KEY ("sync_lane_id") REFERENCES "lanes"("id") ON DELETE SET NULL ON UPDATE CASCADE;
