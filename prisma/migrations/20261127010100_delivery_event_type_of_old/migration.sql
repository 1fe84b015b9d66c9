-- The type of the deliveries that are there already, 10,000 at a time and each time in a transaction of its own, so that a
-- worker waits for milliseconds. This must be the only statement of its file: with another one it would be in a transaction.
DO $$
DECLARE
  last bigint := coalesce((SELECT max(id) FROM deliveries), 0);
  first bigint := coalesce((SELECT min(id) FROM deliveries), 1);
BEGIN
  WHILE first <= last LOOP
    UPDATE deliveries SET event_type = events.type FROM events
     WHERE events.id = deliveries.event_id AND deliveries.event_type IS NULL
       AND deliveries.id >= first AND deliveries.id < first + 10000;
    first := first + 10000;
    COMMIT;
  END LOOP;
END $$;
