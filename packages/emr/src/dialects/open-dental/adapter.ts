import { limitTexts } from '../../connection/limit-texts.ts';
import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { listNames } from '../../names/list-names.ts';
import { checkOpenDental } from './check.ts';
import { findPatient } from './find-patient.ts';
import { findPosting } from './find-posting.ts';
import { listPatients } from './list-patients.ts';
import { fetchLists } from './lists.ts';
import { contradiction, readPatientId } from './patient-id.ts';
import { CHECK_NUM_UNITS, NOTES_UNITS } from './pay-note.ts';
import { sendPosting } from './send-posting.ts';
import { description, type OpenDentalConnection, readOpenDentalConnection } from './settings.ts';

/** A payment that the EMR takes for later is looked up for a day. Its pages know no such answer. */
const CONFIRM_WITHIN_MS = 86_400_000;

const describe = (
  { settings, bucket }: OpenDentalConnection,
  held = bucket?.windows ?? [],
): ConnectionDescription => ({
  fields: {
    payment_id: { kept: 'whole', as: 'PayNote' },
    patient: { kept: 'whole', as: 'PatNum' },
    amount: { kept: 'whole', as: 'PayAmt' },
    payment_method: { kept: 'whole', as: 'PayType' },
    reference_number: { kept: 'cut', as: 'CheckNum', to: CHECK_NUM_UNITS, rest: 'notes' },
    location: settings.clinics
      ? { kept: 'whole', as: 'ClinicNum' }
      : { kept: 'dropped', why: 'The office does not use clinics (setting clinics).' },
    notes: { kept: 'cut', as: 'PayNote', to: NOTES_UNITS },
    deposit_date: { kept: 'whole', as: 'PayDate' },
  },
  methodNeeds: [],
  limits: limitTexts(held, 'for each pair of developer and customer key'),
  sources: [
    'https://www.opendental.com/site/apipayments.html',
    'https://www.opendental.com/site/apispecification.html',
    'https://www.opendental.com/site/apiimplementation.html',
    'https://www.opendental.com/site/apiclinics.html',
    'https://www.opendental.com/site/apipatients.html',
  ],
});

/** Open Dental: `POST /payments`, found again by a marker in the note. The mapping of fields and the settings: docs/adapters.md. */
export const openDental: Dialect = {
  description,
  readPatientId,
  contradiction,
  open(connection, deps) {
    const opened = readOpenDentalConnection(connection, deps);
    return {
      capability: 'lookup',
      place: opened.place,
      bucket: opened.bucket,
      describe: (held) => describe(opened, held),
      settleMs: opened.settings.settle_ms,
      confirmWithinMs: CONFIRM_WITHIN_MS,
      check: (options) => checkOpenDental(opened, options),
      ...listNames((options) => fetchLists(opened, options)),
      post: (posting, options) => sendPosting(opened, posting, options),
      find: (hints, options) => findPosting(opened, hints, options),
      findPatient: (input, options) => findPatient(opened, input, options),
      listPatients: (input, options) => listPatients(opened, input, options),
    };
  },
};
