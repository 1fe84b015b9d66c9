-- Practices that connect themselves by a link, and the applications with which they log in. The tables are new: nothing waits for them.
CREATE TYPE "connect_session_state" AS ENUM ('open', 'connected', 'canceled');

CREATE TABLE "client_return_urls" (
    "client_pk" INTEGER NOT NULL,
    "url" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "client_return_urls_pkey" PRIMARY KEY ("client_pk", "url")
);

CREATE TABLE "oauth_applications" (
    "adapter" TEXT NOT NULL,
    "base_url" TEXT NOT NULL,
    "authorize_url" TEXT NOT NULL,
    "token_url" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "client_secret" TEXT NOT NULL,
    "scopes" TEXT NOT NULL,
    "issuer" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "oauth_applications_pkey" PRIMARY KEY ("adapter", "base_url")
);

CREATE TABLE "connect_sessions" (
    "id" TEXT NOT NULL,
    "client_pk" INTEGER NOT NULL,
    "user_id" INTEGER,
    "renews" BOOLEAN NOT NULL DEFAULT false,
    "adapter" TEXT,
    "return_url" TEXT NOT NULL,
    "state" "connect_session_state" NOT NULL DEFAULT 'open',
    "link_hash" BYTEA NOT NULL,
    "cookie_hash" BYTEA,
    "login_hash" BYTEA,
    "held" TEXT,
    "tries" SMALLINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "ended_at" TIMESTAMPTZ(3),
    "token_taken_at" TIMESTAMPTZ(3),

    CONSTRAINT "connect_sessions_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "connect_sessions_link_hash_key" ON "connect_sessions"("link_hash");
CREATE UNIQUE INDEX "connect_sessions_cookie_hash_key" ON "connect_sessions"("cookie_hash");
CREATE INDEX "connect_sessions_client_pk_created_at_idx" ON "connect_sessions"("client_pk", "created_at");

ALTER TABLE "client_return_urls" ADD CONSTRAINT "client_return_urls_client_pk_fkey" FOREIGN KEY ("client_pk") REFERENCES "clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "connect_sessions" ADD CONSTRAINT "connect_sessions_client_pk_fkey" FOREIGN KEY ("client_pk") REFERENCES "clients"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "connect_sessions" ADD CONSTRAINT "connect_sessions_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE SET NULL ON UPDATE CASCADE;
