import { type Static, Type } from '@sinclair/typebox';
import { type Patient, type PatientStatus, statusOf, updatedAtOf } from '../../patients/patient.ts';
import type { Question } from '../../patients/patient-roll.ts';
import { personOf } from '../../patients/person.ts';
import type { Practice } from '../../practice.ts';
import { officeDateTime } from './office-time.ts';

/** `ChartNumber` has at most 15 characters (https://www.opendental.com/site/apipatients.html). */
const CHART_NUMBER_LENGTH = 15;

/** The values of `PatStatus` that the API takes, and `Deleted`, which only a person at the office can set. */
export const PAT_STATUSES = [
  'Patient',
  'NonPatient',
  'Inactive',
  'Archived',
  'Deceased',
  'Prospective',
  'Deleted',
] as const;
export type PatStatus = (typeof PAT_STATUSES)[number];

/** The parts of a patient that a person at the office can change in this dialect alone. */
export const PatientChangeSchema = Type.Object(
  {
    ChartNumber: Type.Optional(Type.String({ maxLength: CHART_NUMBER_LENGTH })),
    PatStatus: Type.Optional(Type.Union(PAT_STATUSES.map((status) => Type.Literal(status)))),
  },
  { additionalProperties: false },
);
export type PatientChange = Static<typeof PatientChangeSchema>;

const STATUSES: Readonly<Record<PatientStatus, PatStatus>> = {
  active: 'Patient',
  inactive: 'Inactive',
  archived: 'Archived',
  deceased: 'Deceased',
  deleted: 'Deleted',
};

export type PatientRow = {
  PatNum: number;
  LName: string;
  FName: string;
  Preferred: string;
  PatStatus: PatStatus;
  Birthdate: string;
  ChartNumber: string;
};

/** The selection of a page of patients: `keeps` decides about each row. */
export type RowQuestion = Omit<Question, 'order' | 'keeps' | 'after'> & {
  /** @param changedAt the office's time of the last change. */
  keeps(row: PatientRow, facts: { changedAt: string; merged: boolean }): boolean;
};

export type PatientRecords = {
  /** A page of all patients of the office, the deleted ones too, in the order of their numbers. */
  page(question: RowQuestion): { row: PatientRow; changedAt: string }[];
  byPatNum(patNum: number): PatientRow | undefined;
  /** Changes a patient until the sandbox ends: two can get the same chart number. @returns undefined when there is none. */
  change(patNum: number, change: PatientChange): PatientRow | undefined;
};

/** Without a change the chart number is the MRN, and blank where that is too long: in many offices it is always blank. */
const usualChartNumber = ({ mrn = '' }: Patient) => (mrn.length <= CHART_NUMBER_LENGTH ? mrn : '');

/** A merged patient is archived (`Patients.MergeTwoPatients` of OpenDental/opendental). */
const usualStatus = (patient: Patient): PatStatus =>
  patient.mergedInto !== undefined && statusOf(patient) !== 'deleted'
    ? 'Archived'
    : STATUSES[statusOf(patient)];

/** Keeps what Open Dental has of the practice's patients. */
export function openPatientRecords({ practice }: { practice: Practice }): PatientRecords {
  const { patients } = practice;
  const changes = new Map<string, PatientChange & { at: string }>();

  function rowOf(patient: Patient): PatientRow {
    const { given, middle, family, birthDate, phone, email, street, ssn } = personOf(patient);
    const { at: _at, ...change } = changes.get(patient.id) ?? { at: '' };
    const PatNum = patients.numberOf(patient.id) as number;
    const row = {
      PatNum,
      LName: family,
      FName: given,
      MiddleI: '',
      Preferred: middle,
      PatStatus: usualStatus(patient),
      Gender: 'Unknown',
      Position: 'Single',
      Birthdate: birthDate,
      SSN: ssn,
      Address: street,
      Address2: '',
      City: 'Nowhere',
      State: 'CA',
      Zip: '',
      HmPhone: phone,
      WkPhone: '',
      WirelessPhone: phone,
      Guarantor: PatNum,
      Email: email,
      ChartNumber: usualChartNumber(patient),
      ClinicNum: '0',
    };
    return { ...row, ...change };
  }
  /** The later one of the changes here and in the practice. */
  function changedAtOf(patient: Patient): string {
    const [here, there] = [changes.get(patient.id)?.at ?? '', updatedAtOf(patient)];
    return [here, there].toSorted()[1] as string;
  }

  const officeTimes = new Map<string, string>();
  /** Many patients were changed together, and a time zone is slow. */
  function changedAt(patient: Patient): string {
    const instant = changedAtOf(patient);
    const known = officeTimes.get(instant);
    if (known !== undefined) return known;
    const time = officeDateTime(new Date(instant));
    if (officeTimes.size > 10_000) officeTimes.clear();
    officeTimes.set(instant, time);
    return time;
  }

  return {
    page({ keeps, alike, offset, limit }) {
      // A change here makes a made patient differ from the others of its range.
      const touched = [...changes.keys()].some((id) => id.startsWith('made-'));
      const { rows } = patients.page({
        order: 'number',
        keeps: (patient) =>
          keeps(rowOf(patient), {
            changedAt: changedAt(patient),
            merged: patient.mergedInto !== undefined,
          }),
        alike: alike && !touched,
        offset,
        limit,
      });
      return rows.map((patient) => ({ row: rowOf(patient), changedAt: changedAt(patient) }));
    },
    byPatNum(patNum) {
      const patient = patients.recordByNumber(patNum);
      return patient === undefined ? undefined : rowOf(patient);
    },
    change(patNum, change) {
      const patient = patients.recordByNumber(patNum);
      if (patient === undefined) return undefined;
      changes.set(patient.id, { ...changes.get(patient.id), ...change, at: new Date().toISOString() });
      return rowOf(patient);
    },
  };
}
