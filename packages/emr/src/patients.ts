import type { OurSentence } from '@emr-payments/contracts';
import type { NoPatient, OnePatient, SeveralPatients } from './judge-patients.ts';
import type { PatientTrouble, Trouble } from './trouble.ts';

/**
 * The EMR's answer to the question which patient has an MRN. It has nothing of the patient but the id: no name, no birth date, and
 * none of the EMR's own words, which may hold them.
 */
export type FindPatientOutcome =
  | OnePatient
  | NoPatient
  | SeveralPatients
  /** One patient has the MRN, and no payment should go there: `reason` says why, such as a record that is archived. */
  | { outcome: 'closed'; reason: OurSentence }
  /** The answer proves nothing. */
  | ({ outcome: 'unavailable' } & PatientTrouble);

/** Makes the outcome of a question about patients that had no answer. The EMR's own words are left out. */
export const patientsUnavailable = ({
  emrText: _,
  ...trouble
}: Trouble): { outcome: 'unavailable' } & PatientTrouble => ({ outcome: 'unavailable', ...trouble });

/**
 * One patient of the EMR's list: ids and state, and nothing else of the patient. One with several MRNs is listed under each of them,
 * one after the other. `mrn` is normalized (`normalMrn`); null where the record has none that payments could give.
 * - `active`: payments go to `emrPatientId`;
 * - `closed`: archived, deleted or inactive, as the dialect defines it: no payment should go there;
 * - `merged`: the record is now part of another one. `into`: that one's id; null where the EMR does not say.
 */
export type ListedPatient = { mrn: string | null; emrPatientId: string } & (
  | { state: 'active' | 'closed' }
  | { state: 'merged'; into: string | null }
);

/** One page of the EMR's list of patients. */
export type ListPatientsOutcome =
  | {
      outcome: 'page';
      patients: readonly ListedPatient[];
      /** Rows of the page that could not be read, or whose id cannot be stored. They are counted, and prove nothing. */
      unreadable: number;
      /** Where the next page begins, in the dialect's own words; null after the last page. It is stored, and works after a restart. */
      next: string | null;
      /**
       * Where the next incremental run begins, in the dialect's own words: every change that this run may have missed is in a list
       * since then. Taken from the EMR's clock before the run's first page was read, and the same on every page of a run. Null where
       * the EMR's list cannot be limited to changes.
       */
      watermark: string | null;
    }
  | ({ outcome: 'unavailable' } & PatientTrouble);
