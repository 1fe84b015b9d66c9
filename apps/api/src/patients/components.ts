import {
  type PatientImportReply,
  PatientImportReplySchema,
  PatientListSchema,
  PatientReplySchema,
  PatientSchema,
  type PatientView,
  PutPatientBodySchema,
} from '@emr-payments/contracts';

const PATIENT: PatientView = {
  mrn: 'MRN-12345',
  emr_patient_id: 'pat-1001',
  state: 'active',
  source: 'lookup',
  synced_at: '2026-06-15T10:30:00.000Z',
};

const IMPORTED: PatientImportReply = {
  success: true,
  message: 'Patients imported.',
  data: {
    dry_run: false,
    added: 1200,
    changed: 0,
    unchanged: 34,
    repeated: 0,
    left_out: 1,
    held_back: 1,
    bad_rows: [{ line: 17, problem: 'emr_patient_id is empty' }],
    changes: [{ line: 204, mrn: 'MRN-12346', stored: 'pat-1002', given: 'pat-1001' }],
    shared_ids: { count: 0, lines: [] },
  },
};

/** The document's components for the routes of patients: each schema with an example. */
export const PATIENT_COMPONENTS = [
  { ...PatientSchema, examples: [PATIENT] },
  { ...PatientReplySchema, examples: [{ success: true, message: 'Patient stored.', data: PATIENT }] },
  {
    ...PatientListSchema,
    examples: [{ success: true, message: 'Patients.', data: [PATIENT], has_more: false, next_cursor: null }],
  },
  { ...PutPatientBodySchema, examples: [{ emr_patient_id: 'pat-1001' }] },
  { ...PatientImportReplySchema, examples: [IMPORTED] },
];
