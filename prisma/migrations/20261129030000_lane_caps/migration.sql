-- The cap of a webhook endpoint's lane adapts to the endpoint. Its present cap has a table of its own, so that adapting it never
-- waits for, nor delays, the statements that write to lanes when a delivery ends.
CREATE TABLE "lane_caps" (
    "lane_id" INTEGER NOT NULL,
    "cap" SMALLINT NOT NULL,
    "base_cap" SMALLINT,
    "base_throughput" DOUBLE PRECISION,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3) NOT NULL,
    "resting_until" TIMESTAMPTZ(3),
    "round_began_at" TIMESTAMPTZ(3),
    "round_busy_ms" DOUBLE PRECISION NOT NULL,
    "round_delivered" INTEGER NOT NULL,
    "round_delivered_ms" DOUBLE PRECISION NOT NULL,
    "version" BIGINT NOT NULL,

    CONSTRAINT "lane_caps_pkey" PRIMARY KEY ("lane_id")
);

-- AddForeignKey
ALTER TABLE "lane_caps" ADD CONSTRAINT "lane_caps_lane_id_fkey" FOREIGN KEY ("lane_id") REFERENCES "lanes"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- An endpoint's concurrency is the most that its cap can become. 10 was the default, and nobody chose it.
UPDATE "lanes" SET "concurrency" = 64 WHERE "kind" = 'endpoint' AND "concurrency" = 10;
