import { limitTexts } from '../../connection/limit-texts.ts';
import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { listNames } from '../../names/list-names.ts';
import { checkNexConnection } from './check.ts';
import { findPatient } from './find-patient.ts';
import { findPosting } from './find-posting.ts';
import { listPatients } from './list-patients.ts';
import { fetchLists } from './lists.ts';
import { readPatientId } from './patient-id.ts';
import { typeProblem } from './payment-types.ts';
import { readNotice } from './read-notice.ts';
import { sendPosting } from './send-posting.ts';
import { description, type NexConnection, readNexConnection } from './settings.ts';

const describe = ({ bucket }: NexConnection, held = bucket?.windows ?? []): ConnectionDescription => ({
  fields: {
    payment_id: { kept: 'whole', as: 'transaction_id, and notes' },
    patient: { kept: 'whole', as: 'patient_id' },
    amount: { kept: 'whole', as: 'amount, negative' },
    payment_method: { kept: 'whole', as: 'payment_type_id' },
    reference_number: { kept: 'whole', as: 'notes' },
    location: { kept: 'whole', as: 'location_id' },
    notes: { kept: 'whole', as: 'notes' },
    deposit_date: { kept: 'whole', as: 'paid_at' },
  },
  methodNeeds: [],
  limits: limitTexts(held, 'for the API key'),
  sources: [
    'https://docs.nexhealth.com/reference/payments',
    'https://docs.nexhealth.com/reference/postpayments',
    'https://docs.nexhealth.com/docs/how-a-write-reaches-the-ehr',
    'https://docs.nexhealth.com/reference/rate-limiting',
  ],
});

/** NexHealth, and through it Dentrix, Dentrix Enterprise, Eaglesoft and Open Dental. The mapping and the settings: docs/emrs.md. */
export const nexhealth: Dialect = {
  description,
  readPatientId,
  readNotice,
  open(connection, deps) {
    const nex = readNexConnection(connection, deps);
    return {
      capability: 'lookup',
      place: nex.place,
      bucket: nex.bucket,
      describe: (held) => describe(nex, held),
      settleMs: nex.settings.settle_ms,
      confirmWithinMs: nex.settings.confirm_within_ms,
      check: (options) => checkNexConnection(nex, options),
      ...listNames((options) => fetchLists(nex, options), { problemOf: typeProblem }),
      post: (posting, options) => sendPosting(nex, posting, options),
      find: (hints, options) => findPosting(nex, hints, options),
      findPatient: (input, options) => findPatient(nex, input, options),
      listPatients: (input, options) => listPatients(nex, input, options),
    };
  },
};
