-- Test and live clients. The default is a constant: no row is rewritten, and an older version, which names no mode, makes live ones.
CREATE TYPE "client_mode" AS ENUM ('test', 'live');

ALTER TABLE "clients" ADD COLUMN "mode" "client_mode" NOT NULL DEFAULT 'live';
