-- What became of a patient in the EMR, and who wrote it. The defaults are constants: no row is rewritten.
CREATE TYPE "patient_state" AS ENUM ('active', 'closed', 'ambiguous');
CREATE TYPE "patient_source" AS ENUM ('import', 'lookup', 'sync');

ALTER TABLE "patients"
  ADD COLUMN "state" "patient_state" NOT NULL DEFAULT 'active',
  ADD COLUMN "source" "patient_source" NOT NULL DEFAULT 'import';

-- Money is posted to this id. NOT VALID reads no row; every row so far is active.
ALTER TABLE "patients" ADD CONSTRAINT "patients_only_active_has_id"
  CHECK ("state" = 'active' OR "emr_patient_id" IS NULL) NOT VALID;
