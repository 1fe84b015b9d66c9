-- What a check has read from an EMR about itself. Null: the connection was made before checks read it, and its settings are in force as
-- they are until `emr-payments user check` reads it.
ALTER TABLE "connections" ADD COLUMN "capability_statement" JSONB;
