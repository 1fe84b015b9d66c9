import type { EmrAdapter } from '../adapter.ts';
import type { ConnectionDescription } from '../description.ts';
import { listNames } from '../names/list-names.ts';
import { checkFhirConnection } from './check.ts';
import type { FhirConnection } from './connection.ts';
import { findPatient } from './find-patient.ts';
import { findPosting } from './find-posting.ts';
import { listPatients } from './list-patients.ts';
import { fetchLists } from './lists.ts';
import { LARGEST_PAGE } from './search-identifier.ts';
import { sendPosting } from './send-posting.ts';

/** Makes the adapter of an opened FHIR server. */
export function fhirAdapter(
  fhir: FhirConnection,
  {
    settings,
    described,
  }: { settings: { settle_ms: number; confirm_within_ms: number }; described: ConnectionDescription },
): EmrAdapter {
  const patients = {
    session: fhir.session,
    secrets: fhir.secrets,
    mrnSystem: fhir.settings.patient_identifier_system,
    largestPage: LARGEST_PAGE,
    changes: true,
  };
  const adapter: EmrAdapter = {
    capability: fhir.capability,
    place: fhir.place,
    bucket: null,
    describe: () => described,
    settleMs: settings.settle_ms,
    confirmWithinMs: settings.confirm_within_ms,
    check: (options) => checkFhirConnection(fhir, options),
    ...listNames((options) => fetchLists(fhir, options)),
    post: (posting, options) => sendPosting(fhir, posting, options),
    findPatient: (input, options) => findPatient(patients, input, options),
    listPatients: (input, options) => listPatients(patients, input, options),
  };
  if (!fhir.settings.search) return adapter;
  return { ...adapter, find: (hints, options) => findPosting(fhir, hints, options) };
}
