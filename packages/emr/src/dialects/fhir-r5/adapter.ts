import type { Dialect, EmrAdapter } from '../../adapter.ts';
import type { ConnectionDescription } from '../../description.ts';
import { listNames } from '../../names/list-names.ts';
import { checkFhirConnection } from './check.ts';
import { findPosting } from './find-posting.ts';
import { fetchLists } from './lists.ts';
import { readPatientId } from './patient-id.ts';
import { sendPosting } from './send-posting.ts';
import { description, readFhirConnection } from './settings.ts';

const DESCRIBED: ConnectionDescription = {
  fields: {
    payment_id: { kept: 'whole', as: 'identifier' },
    patient: { kept: 'whole', as: 'paymentIssuer' },
    amount: { kept: 'whole', as: 'amount' },
    payment_method: { kept: 'whole', as: 'method' },
    reference_number: { kept: 'whole', as: 'referenceNumber' },
    location: { kept: 'whole', as: 'location' },
    notes: { kept: 'whole', as: 'processNote[0].text' },
    deposit_date: { kept: 'whole', as: 'date' },
  },
  methodNeeds: [],
  limits: [],
  sources: ['https://hl7.org/fhir/R5/paymentreconciliation.html'],
};

/** FHIR R5: PaymentReconciliation over REST. The mapping of fields and the settings: docs/emrs.md. */
export const fhirR5: Dialect = {
  description,
  readPatientId,
  open(connection) {
    const fhir = readFhirConnection(connection);
    const adapter: EmrAdapter = {
      capability: fhir.capability,
      place: `${description.name} ${fhir.baseUrl} ${fhir.settings.payment_identifier_system}`,
      bucket: null,
      describe: () => DESCRIBED,
      settleMs: fhir.settings.settle_ms,
      confirmWithinMs: fhir.settings.confirm_within_ms,
      check: (options) => checkFhirConnection(fhir, options),
      ...listNames((options) => fetchLists(fhir, options)),
      post: (posting, options) => sendPosting(fhir, posting, options),
    };
    if (!fhir.settings.search) return adapter;
    return { ...adapter, find: (hints, options) => findPosting(fhir, hints, options) };
  },
};
