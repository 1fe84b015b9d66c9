-- Keys of the operator's API. The version before does not know them, and is not disturbed.
-- CreateTable
CREATE TABLE "operator_keys" (
    "id" SERIAL NOT NULL,
    "public_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_on" DATE,

    CONSTRAINT "operator_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "operator_key_secrets" (
    "id" SERIAL NOT NULL,
    "key_pk" INTEGER NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "operator_key_secrets_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "operator_keys_public_id_key" ON "operator_keys"("public_id");

-- CreateIndex
CREATE UNIQUE INDEX "operator_key_secrets_secret_hash_key" ON "operator_key_secrets"("secret_hash");

-- CreateIndex
CREATE INDEX "operator_key_secrets_key_pk_idx" ON "operator_key_secrets"("key_pk");

-- AddForeignKey
ALTER TABLE "operator_key_secrets" ADD CONSTRAINT "operator_key_secrets_key_pk_fkey" FOREIGN KEY ("key_pk") REFERENCES "operator_keys"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
