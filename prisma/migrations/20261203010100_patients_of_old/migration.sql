-- The version before knows no states: its import and its command `patients find` give an id to a patient whom a sync has closed, and leave the
-- state as it is, which the check refuses. Such a row is an active one, whose id a person gave. This version writes the state with every id,
-- so the condition, which is looked at without a call of the function, is never true for it.
CREATE FUNCTION "patient_given_id"() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
  NEW.state := 'active';
  NEW.source := 'import';
  RETURN NEW;
END
$$;

CREATE TRIGGER "patients_given_id" BEFORE UPDATE ON "patients" FOR EACH ROW
  WHEN (OLD.state <> 'active' AND NEW.state = OLD.state AND NEW.emr_patient_id IS NOT NULL)
  EXECUTE FUNCTION "patient_given_id"();
