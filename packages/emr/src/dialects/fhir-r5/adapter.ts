import type { Dialect, EmrAdapter } from '../../adapter.ts';
import { listNames } from '../../names/list-names.ts';
import { checkFhirConnection } from './check.ts';
import { findPosting } from './find-posting.ts';
import { fetchLists } from './lists.ts';
import { readPatientId } from './patient-id.ts';
import { sendPosting } from './send-posting.ts';
import { description, readFhirConnection } from './settings.ts';

/** FHIR R5: PaymentReconciliation over REST. The mapping of fields and the settings: docs/adapters.md. */
export const fhirR5: Dialect = {
  description,
  readPatientId,
  open(connection) {
    const fhir = readFhirConnection(connection);
    const adapter: EmrAdapter = {
      capability: fhir.capability,
      place: `${description.name} ${fhir.baseUrl} ${fhir.settings.payment_identifier_system}`,
      drops: [],
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
