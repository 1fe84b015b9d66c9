-- CreateTable
CREATE TABLE "holds" (
    "id" SERIAL NOT NULL,
    "scope" TEXT NOT NULL,
    "user_id" INTEGER,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "started_by" TEXT NOT NULL,
    "ended_by" TEXT,
    "reason" TEXT,

    CONSTRAINT "holds_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "restores" (
    "id" SERIAL NOT NULL,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_by" TEXT NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "restores_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "holds_open" ON "holds"("scope") WHERE (ended_at IS NULL);

-- CreateIndex
CREATE INDEX "holds_ended_at_idx" ON "holds"("ended_at");

-- CreateIndex
CREATE UNIQUE INDEX "restores_since_key" ON "restores"("since");

-- A hold is never removed, and changes once, when it ends: the retry horizon of a payment is computed from its holds.
CREATE FUNCTION "refuse_change_of_holds"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL
       AND (NEW.id, NEW.scope, NEW.user_id, NEW.started_at) IS NOT DISTINCT FROM (OLD.id, OLD.scope, OLD.user_id, OLD.started_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a hold can only be ended: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER "holds_are_append_only" BEFORE UPDATE OR DELETE ON "holds"
    FOR EACH ROW EXECUTE FUNCTION "refuse_change_of_holds"();
CREATE TRIGGER "holds_are_kept" BEFORE TRUNCATE ON "holds"
    FOR EACH STATEMENT EXECUTE FUNCTION "refuse_change_of_holds"();
