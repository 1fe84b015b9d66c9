-- True: an address of the connection was chosen by somebody else than an operator, so it is guarded. The default is a constant: no row
-- is rewritten, and a process of the version before writes it.
ALTER TABLE "connections" ADD COLUMN "guarded" BOOLEAN NOT NULL DEFAULT false;
