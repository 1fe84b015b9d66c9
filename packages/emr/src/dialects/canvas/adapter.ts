import { limitTexts } from '../../connection/limit-texts.ts';
import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { findPatient } from '../../fhir/find-patient.ts';
import { listPatients } from '../../fhir/list-patients.ts';
import { fixedNames } from '../../names/list-names.ts';
import { checkCanvasConnection } from './check.ts';
import { readPatientId } from './patient-id.ts';
import { patientsOf } from './patients.ts';
import { sendPosting } from './send-posting.ts';
import { type CanvasConnection, description, readCanvasConnection } from './settings.ts';

/** Canvas names no time, and nothing is looked up: a person looks at once. */
const CONFIRM_WITHIN_MS = 60_000;

const describe = ({ bucket }: CanvasConnection, held = bucket?.windows ?? []): ConnectionDescription => ({
  fields: {
    payment_id: { kept: 'dropped', why: 'PaymentNotice has no identifier in Canvas.' },
    patient: { kept: 'whole', as: 'request' },
    amount: { kept: 'whole', as: 'amount' },
    payment_method: { kept: 'dropped' },
    reference_number: { kept: 'dropped' },
    location: { kept: 'dropped' },
    notes: { kept: 'dropped' },
    deposit_date: { kept: 'dropped', why: 'Canvas dates a payment by the moment at which it records it.' },
  },
  methodNeeds: [],
  limits: limitTexts(held, 'for the connection'),
  sources: [
    'https://docs.canvasmedical.com/api/paymentnotice',
    'https://docs.canvasmedical.com/api/patient',
    'https://docs.canvasmedical.com/api/pagination',
    'https://docs.canvasmedical.com/api/errors',
    'https://docs.canvasmedical.com/api/customer-authentication',
  ],
});

/** Canvas Medical: PaymentNotice in a shape of its own, which keeps nothing by which a payment could be recognised. */
export const canvas: Dialect = {
  description,
  readPatientId,
  open(connection, deps) {
    const opened = readCanvasConnection(connection, deps);
    const patients = patientsOf(opened);
    return {
      capability: 'none',
      place: opened.place,
      bucket: opened.bucket,
      describe: (held) => describe(opened, held),
      settleMs: 0,
      confirmWithinMs: CONFIRM_WITHIN_MS,
      check: (options) => checkCanvasConnection(opened, options),
      // Canvas has no place for a method or a location, so every name is taken.
      ...fixedNames({ methods: [], locations: [], anyMethod: true, anyLocation: true }),
      post: (posting, options) => sendPosting(opened, posting, options),
      findPatient: (input, options) => findPatient(patients, input, options),
      listPatients: (input, options) => listPatients(patients, input, options),
    };
  },
};
