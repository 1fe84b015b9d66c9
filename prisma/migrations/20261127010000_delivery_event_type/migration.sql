-- The event's type, copied into each of its deliveries: a list of one endpoint's deliveries of one type is then read from an
-- index. Adding the column takes a moment, in which settling and delivering wait. Accepting does not use this table.
ALTER TABLE "deliveries" ADD COLUMN "event_type" TEXT;

-- For a statement that does not name the type, such as one of a worker of the version before.
CREATE FUNCTION copy_event_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT type INTO NEW.event_type FROM events WHERE id = NEW.event_id;
  RETURN NEW;
END $$;
CREATE TRIGGER "deliveries_event_type" BEFORE INSERT ON "deliveries"
  FOR EACH ROW WHEN (NEW.event_type IS NULL) EXECUTE FUNCTION copy_event_type();
