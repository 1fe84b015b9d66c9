-- Access tokens of EMRs, one row for each credential. The table is new: nothing waits for it.
CREATE TYPE "emr_token_state" AS ENUM ('good', 'login_required');

CREATE TABLE "emr_tokens" (
    "key" TEXT NOT NULL,
    "sealed" TEXT,
    "generation" INTEGER NOT NULL DEFAULT 0,
    "obtained_at" TIMESTAMPTZ(3),
    "expires_at" TIMESTAMPTZ(3),
    "state" "emr_token_state" NOT NULL DEFAULT 'good',
    "fence" INTEGER NOT NULL DEFAULT 0,
    "lease_until" TIMESTAMPTZ(3),
    "wait_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "emr_tokens_pkey" PRIMARY KEY ("key")
);
