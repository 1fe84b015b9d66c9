import type { PracticeSeed } from './practice.ts';

/** Invented people and places. The patient and the location of the published example are among them. */
export const demoPractice: PracticeSeed = {
  patients: [
    { id: 'pat-1001', mrn: 'MRN-12345', given: 'Ada', family: 'Example' },
    { id: 'pat-1002', mrn: 'MRN-12346', given: 'Blaise', family: 'Sample' },
    { id: 'pat-1003', mrn: 'MRN-12347', given: 'Carla', family: 'Specimen' },
    { id: 'pat-1004', mrn: 'MRN-12348', given: 'Dmitri', family: 'Instance' },
    { id: 'pat-1005', mrn: 'MRN-12349', given: 'Emi', family: 'Placeholder' },
  ],
  locations: [
    { id: 'loc-main', identifiers: ['1404'], name: 'Main Street Clinic' },
    { id: 'loc-river', identifiers: ['1405'], name: 'Riverside Clinic' },
    { id: 'loc-tele', identifiers: ['1406'], name: 'Telehealth' },
  ],
  payment_methods: [
    { id: 'CARD', name: 'Card' },
    { id: 'CASH', name: 'Cash' },
    { id: 'CHCK', name: 'Check' },
    { id: 'PTPA', name: 'Patient Portal' },
    { id: 'ACH', name: 'Bank Transfer' },
    { id: 'HSA', name: 'HSA/FSA Card' },
  ],
};
