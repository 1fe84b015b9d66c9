import { type Api, bodyOf, type CallOptions, keyed, stoppable } from './api.ts';
import type { ImportPatients, Patient, PatientImport } from './schemas.ts';

/** `/v1/patients`. */
export function patientMethods(api: Api) {
  return {
    /** Finds the patient with an MRN, as the service knows it; null when it knows none. The EMR is not asked. */
    async find(mrn: string, options: CallOptions = {}): Promise<Patient | null> {
      const params = { query: { mrn } };
      const { data } = await bodyOf(api.GET('/v1/patients', { params, ...stoppable(options) }));
      return data[0] ?? null;
    },

    /** Stores the EMR patient id of an MRN, also in the place of another one: the next payment goes there. */
    async put(mrn: string, emrPatientId: string, options: CallOptions = {}): Promise<Patient> {
      const params = { path: { mrn } };
      const body = { emr_patient_id: emrPatientId };
      return (await bodyOf(api.PUT('/v1/patients/{mrn}', { params, body, ...stoppable(options) }))).data;
    },

    /**
     * Imports a CSV file with the columns `mrn` and `emr_patient_id`.
     *
     * @param file the text of the file, at most 16 MiB.
     * @param query `dry_run: true` writes nothing; `allow_changes: true` also replaces stored ids.
     */
    async import(
      file: string,
      query: ImportPatients = {},
      options: CallOptions = {},
    ): Promise<PatientImport> {
      // The API does not store this key; it lets sendWithRetries retry the request, which can be repeated without harm.
      const headers = { ...keyed({}), 'content-type': 'text/csv' };
      const params = { query };
      const call = api.POST('/v1/patients:import', {
        ...{ params, headers, body: file },
        bodySerializer: (text) => text,
        ...stoppable(options),
      });
      return (await bodyOf(call)).data;
    },
  };
}
