-- A recovery is carried out by the workers, batch by batch, and its row holds how far it has come. Recoveries from before this
-- migration have queued everything that they found: the workers count their deliveries and end them.
-- "total" is null until the search for missed events has ended. "more" is always false from now on: there is no limit any more. The
-- column stays because an API of the version before reads and writes it.
CREATE TYPE "recovery_state" AS ENUM ('running', 'done', 'canceled');

ALTER TABLE "recoveries"
    ALTER COLUMN "total" DROP NOT NULL,
    ALTER COLUMN "more" SET DEFAULT false,
    ADD COLUMN "state" "recovery_state" NOT NULL DEFAULT 'running',
    ADD COLUMN "found" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "delivered" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "failed" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "reached_at" TIMESTAMPTZ(3),
    ADD COLUMN "reached_id" TEXT,
    ADD COLUMN "next_slot" TIMESTAMPTZ(6),
    ADD COLUMN "turns" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "idle_turns" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "turn_at" TIMESTAMPTZ(6),
    ADD COLUMN "next_turn_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    ADD COLUMN "transaction_id" BIGINT,
    ADD COLUMN "ended_at" TIMESTAMPTZ(3);

UPDATE "recoveries" SET "found" = "total";

CREATE INDEX "recoveries_running" ON "recoveries"("endpoint_id", "created_at", "id") WHERE (state = 'running');

-- With a status in an index, every change of a delivery's status writes to all of its indexes. The search reads events in order and
-- looks up their deliveries by (event_id, endpoint_id). Dropping it waits for the statements under way, and they for it, for a moment.
DROP INDEX "deliveries_to_recover";
