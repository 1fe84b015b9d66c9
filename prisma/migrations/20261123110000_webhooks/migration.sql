-- CreateEnum
CREATE TYPE "webhook_signing" AS ENUM ('v1', 'v1a');

-- AlterTable
ALTER TABLE "lanes" ADD COLUMN "next_slot" TIMESTAMPTZ(6);

-- AlterTable
ALTER TABLE "webhook_endpoints"
    ADD COLUMN "api_version" TEXT NOT NULL DEFAULT '2026-06-01',
    ADD COLUMN "thin" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "signing" "webhook_signing" NOT NULL DEFAULT 'v1',
    ADD COLUMN "disabled_code" TEXT;

-- AlterTable
ALTER TABLE "deliveries" ADD COLUMN "recovery_id" TEXT;

-- AlterTable
ALTER TABLE "idempotency_keys"
    ADD COLUMN "status" SMALLINT,
    ADD COLUMN "response" TEXT;

-- CreateTable
CREATE TABLE "recoveries" (
    "id" TEXT NOT NULL,
    "endpoint_id" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,
    "total" INTEGER NOT NULL,
    "more" BOOLEAN NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "recoveries_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "deliveries_to_recover" ON "deliveries"("endpoint_id", "id") WHERE (status IN ('failed', 'canceled'));

-- CreateIndex
CREATE INDEX "deliveries_of_recovery" ON "deliveries"("recovery_id") WHERE (recovery_id IS NOT NULL);

-- CreateIndex
CREATE INDEX "recoveries_endpoint_id_created_at_idx" ON "recoveries"("endpoint_id", "created_at");

-- AddForeignKey
ALTER TABLE "recoveries" ADD CONSTRAINT "recoveries_endpoint_id_fkey" FOREIGN KEY ("endpoint_id") REFERENCES "webhook_endpoints"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
