import { type Static, Type } from '@sinclair/typebox';
import type { Patient, Practice } from '../../practice.ts';

/** `ChartNumber` has at most 15 characters (https://www.opendental.com/site/apipatients.html). */
export const CHART_NUMBER_LENGTH = 15;

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

/** The parts of a patient that a person at the office can change. */
export const PatientChangeSchema = Type.Object(
  {
    ChartNumber: Type.Optional(Type.String({ maxLength: CHART_NUMBER_LENGTH })),
    PatStatus: Type.Optional(Type.Union(PAT_STATUSES.map((status) => Type.Literal(status)))),
  },
  { additionalProperties: false },
);
export type PatientChange = Static<typeof PatientChangeSchema>;

export type PatientRow = {
  PatNum: number;
  LName: string;
  FName: string;
  PatStatus: PatStatus;
  ChartNumber: string;
};

export type PatientRecords = {
  /** Every patient of the office, the deleted ones too, in the order of their numbers. */
  all(): PatientRow[];
  byPatNum(patNum: number): PatientRow | undefined;
  /** Changes a patient until the sandbox ends: two can get the same chart number. @returns undefined when there is none. */
  change(patNum: number, change: PatientChange): PatientRow | undefined;
};

/** Without a change the chart number is the MRN, and blank where that is too long: in many offices it is always blank. */
const usualChartNumber = ({ mrn = '' }: Patient) => (mrn.length <= CHART_NUMBER_LENGTH ? mrn : '');

/** Keeps what Open Dental has of the practice's patients. */
export function openPatientRecords({ practice }: { practice: Practice }): PatientRecords {
  const changes = new Map<string, PatientChange>();
  const rowOf = (patient: Patient) => ({
    PatNum: practice.patients.numberOf(patient.id) as number,
    LName: patient.family ?? '',
    FName: patient.given ?? '',
    MiddleI: '',
    Preferred: '',
    PatStatus: 'Patient' as const,
    Birthdate: '0001-01-01',
    ChartNumber: usualChartNumber(patient),
    ClinicNum: '0',
    ...changes.get(patient.id),
  });
  return {
    all: () => practice.patients.all().map(rowOf),
    byPatNum(patNum) {
      const patient = practice.patients.byNumber(patNum);
      return patient === undefined ? undefined : rowOf(patient);
    },
    change(patNum, change) {
      const patient = practice.patients.byNumber(patNum);
      if (patient === undefined) return undefined;
      changes.set(patient.id, { ...changes.get(patient.id), ...change });
      return rowOf(patient);
    },
  };
}
