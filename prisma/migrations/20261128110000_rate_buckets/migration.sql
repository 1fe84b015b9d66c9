-- A vendor's limit of requests. Lanes of connections share it; no lane has one yet: a connection gets its bucket when it is saved,
-- or when a worker opens it. Adding the two columns of lanes writes no row.
CREATE TABLE "rate_buckets" (
    "id" SERIAL NOT NULL,
    "key" TEXT NOT NULL,
    "calls" INTEGER[],
    "per_ms" INTEGER[],
    "burst" INTEGER[],
    "interval_us" BIGINT[],
    "next_slots" TIMESTAMPTZ(6)[],
    "feed_slots" TIMESTAMPTZ(6)[],
    "paused_until" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "rate_buckets_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "rate_buckets_key_key" ON "rate_buckets"("key");

-- Each window has its entry in every array.
ALTER TABLE "rate_buckets" ADD CONSTRAINT "rate_buckets_windows" CHECK (
    cardinality("calls") > 0 AND cardinality("per_ms") = cardinality("calls") AND cardinality("burst") = cardinality("calls")
    AND cardinality("interval_us") = cardinality("calls") AND cardinality("next_slots") = cardinality("calls")
    AND cardinality("feed_slots") = cardinality("calls")
);

ALTER TABLE "lanes" ADD COLUMN "bucket_id" INTEGER,
                    ADD COLUMN "turn_at" TIMESTAMPTZ(6);

-- AddForeignKey
ALTER TABLE "lanes" ADD CONSTRAINT "lanes_bucket_id_fkey" FOREIGN KEY ("bucket_id") REFERENCES "rate_buckets"("id") ON DELETE SET NULL ON UPDATE CASCADE;
