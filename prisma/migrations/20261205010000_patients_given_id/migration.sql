-- The last step of 20261203010100_patients_of_old: the version without states, for which the trigger was made, is older than the release before, which
-- writes a state with every id. So no process that runs now, or after a way back of one release, needs it.
DROP TRIGGER "patients_given_id" ON "patients";
DROP FUNCTION "patient_given_id"();
