import { limitTexts } from '../../connection/limit-texts.ts';
import type { ConnectionDescription } from '../../description.ts';
import type { Dialect } from '../../dialect.ts';
import { fixedNames } from '../../names/list-names.ts';
import { checkCandid } from './check.ts';
import { findPosting } from './find-posting.ts';
import { LISTS } from './lists.ts';
import { readPatientId } from './patient-id.ts';
import { sendPosting } from './send-posting.ts';
import { type Candid, description, openCandid } from './settings.ts';

const FIELDS: ConnectionDescription['fields'] = {
  payment_id: { kept: 'whole', as: 'source_internal_id' },
  patient: { kept: 'whole', as: 'patient_external_id' },
  amount: { kept: 'whole', as: 'amount_cents' },
  payment_method: { kept: 'whole', as: 'payment_method_detail' },
  reference_number: { kept: 'whole', as: 'payment_note' },
  location: { kept: 'dropped' },
  notes: { kept: 'whole', as: 'payment_note' },
  deposit_date: { kept: 'whole', as: 'payment_timestamp' },
};

const describe = ({ bucket }: Candid, held = bucket?.windows ?? []): ConnectionDescription => ({
  fields: FIELDS,
  methodNeeds: [],
  limits: limitTexts(held, 'for an IP address, over all practices'),
  sources: [
    'https://docs.joincandidhealth.com/api-reference/patient-payments/v-4/create',
    'https://docs.joincandidhealth.com/introduction/getting-started',
  ],
});

/** Candid Health: patient payments over REST, by our own key. What maps to what, and what could not be tried: README.md. */
export const candid: Dialect = {
  description,
  readPatientId,
  open(connection, deps) {
    const opened = openCandid(connection, deps);
    return {
      capability: 'lookup',
      place: opened.place,
      bucket: opened.bucket,
      describe: (held) => describe(opened, held),
      settleMs: opened.settings.settle_ms,
      confirmWithinMs: opened.settings.confirm_within_ms,
      check: (options) => checkCandid(opened, options),
      ...fixedNames(LISTS),
      post: (posting, options) => sendPosting(opened, posting, options),
      find: (hints, options) => findPosting(opened, hints, options),
    };
  },
};
