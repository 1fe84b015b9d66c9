import { limitTexts } from '../../connection/limit-texts.ts';
import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { fixedNames } from '../../names/list-names.ts';
import { checkDrChrono } from './check.ts';
import { findPatient } from './find-patient.ts';
import { findPosting } from './find-posting.ts';
import { listPatients } from './list-patients.ts';
import { LISTS } from './lists.ts';
import { readPatientId } from './patient-id.ts';
import { sendPosting } from './send-posting.ts';
import { type DrChrono, description, openDrChrono } from './settings.ts';

const FIELDS: ConnectionDescription['fields'] = {
  payment_id: { kept: 'whole', as: 'notes' },
  patient: { kept: 'whole', as: 'patient' },
  amount: { kept: 'whole', as: 'amount' },
  payment_method: { kept: 'whole', as: 'payment_method' },
  reference_number: { kept: 'whole', as: 'trace_number' },
  location: { kept: 'dropped' },
  notes: { kept: 'whole', as: 'notes' },
  deposit_date: { kept: 'whole', as: 'received_date' },
};

const describe = ({ bucket }: DrChrono, held = bucket?.windows ?? []): ConnectionDescription => ({
  fields: FIELDS,
  methodNeeds: [],
  limits: limitTexts(held, 'for the application, over all its practices'),
  sources: [
    'https://app.drchrono.com/api-docs/',
    'https://support.drchrono.com/home/24443550021915-how-to-handle-api-errors',
  ],
});

/** DrChrono: patient payments over REST. What maps to what, and what could not be tried: README.md. */
export const drchrono: Dialect = {
  description,
  readPatientId,
  open(connection, deps) {
    const opened = openDrChrono(connection, deps);
    return {
      capability: 'lookup',
      place: opened.place,
      bucket: opened.bucket,
      describe: (held) => describe(opened, held),
      settleMs: opened.settings.settle_ms,
      confirmWithinMs: opened.settings.confirm_within_ms,
      check: (options) => checkDrChrono(opened, options),
      ...fixedNames(LISTS),
      post: (posting, options) => sendPosting(opened, posting, options),
      find: (hints, options) => findPosting(opened, hints, options),
      findPatient: (input, options) => findPatient(opened, input, options),
      listPatients: (input, options) => listPatients(opened, input, options),
    };
  },
};
