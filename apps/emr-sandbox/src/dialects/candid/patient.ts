import { isOnFile, type Patient, statusOf, updatedAtOf } from '../../patients/patient.ts';
import { personOf } from '../../patients/person.ts';
import type { Practice } from '../../practice.ts';

/** Ids of patients are UUIDs: the number of the patient, behind these digits. */
const ID_PREFIX = '00000000-0000-4000-9000-';
const USER = '5b1d6a3e-2f5c-4f0e-9a57-3a1c0d7e4b22';
const ORGANIZATION = '5b1d6a3e-2f5c-4f0e-9a57-3a1c0d7e4b21';

/** @returns the number in a patient's id; undefined for another text. */
export function numberInPatientId(id: string): number | undefined {
  return id.startsWith(ID_PREFIX) && /^\d{12}$/.test(id.slice(ID_PREFIX.length))
    ? Number(id.slice(ID_PREFIX.length))
    : undefined;
}

/** A patient of Candid's pre-encounter service, as its definition has it. Only `external_provenance` names the id that payments take. */
export function patientBody({ practice }: { practice: Practice }, patient: Patient) {
  const { given, middle, family, birthDate, phone, email, street, ssn } = personOf(patient);
  const number = practice.patients.numberOf(patient.id) as number;
  return {
    id: `${ID_PREFIX}${String(number).padStart(12, '0')}`,
    mrn: patient.mrn ?? `CANDID-${number}`,
    organization_id: ORGANIZATION,
    deactivated: !isOnFile(patient) || ['inactive', 'archived'].includes(statusOf(patient)),
    version: 0,
    updated_at: updatedAtOf(patient),
    updating_user_id: USER,
    name: { family, given: [given, middle].filter(Boolean), use: 'USUAL' },
    other_names: [],
    birth_date: birthDate,
    social_security_number: ssn,
    biological_sex: 'UNKNOWN',
    primary_address: {
      use: 'HOME',
      line: [street],
      city: 'Nowhere',
      state: 'CA',
      postal_code: '00000',
      country: 'US',
    },
    other_addresses: [],
    primary_telecom: { value: phone, use: 'HOME' },
    other_telecoms: [],
    email,
    external_provenance: { external_id: patient.id, system_name: 'sandbox' },
    contacts: [],
    general_practitioners: [],
    filing_order: { coverages: [] },
  };
}
