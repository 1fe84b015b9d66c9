-- How each connection is, by the exchanges with its EMR. A connection without a row has had none since: it counts as connected.
CREATE TYPE "connection_health" AS ENUM ('connected', 'degraded', 'login_required', 'unreachable');

CREATE TABLE "connection_states" (
  "user_id" INTEGER NOT NULL,
  "state" "connection_health" NOT NULL DEFAULT 'connected',
  "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "last_success_at" TIMESTAMPTZ(3),
  "last_trouble_code" TEXT,
  "last_trouble_detail" TEXT,
  "last_trouble_at" TIMESTAMPTZ(3),
  "failures" SMALLINT NOT NULL DEFAULT 0,
  "failing_since" TIMESTAMPTZ(3),
  "outages" INTEGER NOT NULL DEFAULT 0,
  "outage_open" BOOLEAN NOT NULL DEFAULT false,
  "stopped_until" TIMESTAMPTZ(3),
  "login_ended_at" TIMESTAMPTZ(3),
  "version" INTEGER NOT NULL DEFAULT 0,

  CONSTRAINT "connection_states_pkey" PRIMARY KEY ("user_id")
);

-- The gate of every feed and claim looks here: it is empty while no login is broken.
CREATE INDEX "connection_states_login" ON "connection_states" ("user_id") WHERE state = 'login_required';

ALTER TABLE "connection_states" ADD CONSTRAINT "connection_states_user_id_fkey"
  FOREIGN KEY ("user_id") REFERENCES "users" ("id") ON DELETE RESTRICT ON UPDATE CASCADE;
