import type { PracticeSeed } from './practice.ts';

const MRN = 'urn:emr-payments:mrn';
const SITE = 'urn:emr-payments:location';

const patient = (id: string, mrn: string, given: string, family: string) => ({
  resourceType: 'Patient' as const,
  id,
  active: true,
  identifier: [{ system: MRN, value: mrn }],
  name: [{ given: [given], family }],
});

const location = (id: string, site: string, name: string) => ({
  resourceType: 'Location' as const,
  id,
  status: 'active',
  identifier: [{ system: SITE, value: site }],
  name,
});

/** Invented people and places. The patient and the location of the published example are among them. */
export const demoPractice: PracticeSeed = {
  patients: [
    patient('pat-1001', 'MRN-12345', 'Ada', 'Example'),
    patient('pat-1002', 'MRN-12346', 'Blaise', 'Sample'),
    patient('pat-1003', 'MRN-12347', 'Carla', 'Specimen'),
    patient('pat-1004', 'MRN-12348', 'Dmitri', 'Instance'),
    patient('pat-1005', 'MRN-12349', 'Emi', 'Placeholder'),
  ],
  locations: [
    location('loc-main', '1404', 'Main Street Clinic'),
    location('loc-river', '1405', 'Riverside Clinic'),
    location('loc-tele', '1406', 'Telehealth'),
  ],
  payment_methods: [
    { code: 'CARD', display: 'Card' },
    { code: 'CASH', display: 'Cash' },
    { code: 'CHCK', display: 'Check' },
    { code: 'PTPA', display: 'Patient Portal' },
    { code: 'ACH', display: 'Bank Transfer' },
    { code: 'HSA', display: 'HSA/FSA Card' },
  ],
};
