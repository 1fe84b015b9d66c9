import { randomUUID } from 'node:crypto';
import type { PatientList, PatientSearch } from '../../conformance/under-test.ts';
import type { ListedPatient } from '../../patients.ts';
import { UNCLEAR_PAGES, UNCLEAR_SEARCHES, UNREADABLE_PAGES } from './patient-answers.ts';

const SYSTEM = 'urn:emr-payments:mrn';
const NAME = 'Example-Mark';
/** Enough for more than one page. */
const MADE = 120;

type Patient = { id: string; mrn: string };

/** Puts a resource on the server, in the place of the one with its id. */
export type PutResource = (resource: {
  resourceType: 'Patient';
  id: string;
  [element: string]: unknown;
}) => Promise<void>;

/** Patients on a FHIR server that permits writing and has the practice of `practiceResources`, for the rules about finding and listing them. */
export function serverPatients(put: PutResource): { patients: PatientSearch; patientList: PatientList } {
  const patient = (): Patient => ({ id: randomUUID(), mrn: `X-${randomUUID()}` });
  const write = ({ id, mrn }: Patient, change: object = {}) =>
    put({
      resourceType: 'Patient',
      id,
      identifier: [
        { system: 'urn:example:other', value: 'OTHER-1' },
        { system: SYSTEM, value: mrn },
      ],
      name: [{ family: NAME, given: ['Jane'] }],
      birthDate: '1976-05-24',
      ...change,
    });
  const made = Array.from({ length: MADE }, (_, place) => ({
    id: `made-${place + 1}`,
    mrn: `MADE-${String(place + 1).padStart(6, '0')}`,
  }));
  const shown = ({ id, mrn }: Patient) => ({ mrn, emrPatientId: id });
  let filled: Promise<void> | undefined;
  async function fill(): Promise<void> {
    for (const each of made) await write(each);
  }
  const filling = () => {
    filled ??= fill();
    return filled;
  };
  async function merge(): Promise<{ gone: Patient; survivor: Patient }> {
    const [gone, survivor] = [patient(), patient()];
    await write(survivor, { link: [{ type: 'replaces', other: { reference: `Patient/${gone.id}` } }] });
    const link = [{ type: 'replaced-by', other: { reference: `Patient/${survivor.id}` } }];
    await write(gone, { active: false, link });
    return { gone, survivor };
  }
  return {
    patients: {
      one: [
        { mrn: 'MRN-12345', emrPatientId: 'pat-1001' },
        { mrn: 'MRN-12346', emrPatientId: 'pat-1002' },
      ],
      nobody: [
        { name: 'an MRN that nobody has', mrn: 'NOBODY-1' },
        { name: 'the beginning of an MRN', mrn: 'MRN-1234' },
        { name: 'an MRN in another case', mrn: 'mrn-12345' },
        { name: 'a number of another system', mrn: 'OTHER-1' },
        { name: 'an MRN that the patient had before', mrn: 'OLD-1' },
        { name: 'an MRN with characters of the search', mrn: 'MRN-12345,MRN-12346' },
      ],
      async shared() {
        const { mrn } = patient();
        for (const change of [{}, { active: false }]) await write({ ...patient(), mrn }, change);
        return mrn;
      },
      async closed() {
        const closed = patient();
        await write(closed, { active: false });
        return closed.mrn;
      },
      async merged() {
        const { gone, survivor } = await merge();
        return { mrn: gone.mrn, emrPatientId: survivor.id };
      },
      unclear: UNCLEAR_SEARCHES,
    },
    patientList: {
      steady: made.map((each): ListedPatient => ({ ...shown(each), state: 'active' })),
      fill: filling,
      changes: true,
      untouched: [],
      async changed() {
        const changed = patient();
        await write(changed, { active: false });
        await write(changed);
        return { ...shown(changed), state: 'active' };
      },
      async closed() {
        const closed = patient();
        await write(closed, { active: false });
        return { ...shown(closed), state: 'closed' };
      },
      async merged() {
        const { gone, survivor } = await merge();
        return { ...shown(gone), state: 'merged', into: survivor.id };
      },
      marks: [NAME, 'Jane', '1976-05-24', 'urn:example:other'],
      unclear: UNCLEAR_PAGES,
      unreadable: UNREADABLE_PAGES,
    },
  };
}
