-- The address of a connection to which its EMR sends notices, as the SHA-256 of the secret in its path. The address itself is shown
-- once and kept nowhere.
CREATE TABLE "emr_notice_addresses" (
    "user_id" INTEGER NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "emr_notice_addresses_pkey" PRIMARY KEY ("user_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "emr_notice_addresses_secret_hash_key" ON "emr_notice_addresses"("secret_hash");

-- AddForeignKey
ALTER TABLE "emr_notice_addresses" ADD CONSTRAINT "emr_notice_addresses_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "connections"("user_id") ON DELETE RESTRICT ON UPDATE CASCADE;
