-- Where a 401 is about single requests, and which job tries a broken login. The defaults are constants: no row is rewritten, and a process
-- of the version before writes them.
ALTER TABLE "connection_states"
  ADD COLUMN "doubtful" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "rejections" SMALLINT NOT NULL DEFAULT 0,
  ADD COLUMN "saved_since_broken" BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN "probe_until" TIMESTAMPTZ(3);
