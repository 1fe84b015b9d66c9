import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Patient, statusOf, updatedAtOf } from '../patients/patient.ts';
import type { Practice } from '../practice.ts';
import { baseUrl, type Query } from './bundle.ts';
import { matchesToken, tokenValue } from './identifiers.ts';
import { FhirProblem } from './operation-outcome.ts';
import { nextQuery, type PatientSearch, readPatientSearch } from './patient-search.ts';
import type { Resource } from './practice-resources.ts';

type Deps = { practice: Practice; read: (patient: Patient) => Resource };

/** Finds the patients of a search by identifier or id, which are few: one page has them. */
function findFew({ practice, read }: Deps, { identifier, id, keeps }: PatientSearch): Patient[] {
  const { patients } = practice;
  const only = id === undefined ? undefined : [patients.record(id) ?? []].flat();
  if (identifier === undefined) return (only ?? []).filter(keeps);
  // A record that was PUT may have identifiers beside the MRN; one that was made by number has not.
  const candidates = only ?? new Set([...patients.kept(), ...patients.withMrn(tokenValue(identifier))]);
  const found = [...candidates].filter(
    (patient) => keeps(patient) && matchesToken(read(patient).identifiers, identifier),
  );
  return [...new Map(found.map((patient) => [patient.id, patient])).values()];
}

/** Patient: read and search. A deleted one is gone, and in no search (https://hl7.org/fhir/R4/http.html#read). */
export async function patientRoutes(app: FastifyInstance, deps: Deps): Promise<void> {
  const { practice, read } = deps;
  const { patients } = practice;

  function bundle(
    request: FastifyRequest<{ Querystring: Query }>,
    { rows, total, more }: { rows: readonly Patient[]; total: number; more: boolean },
  ): string {
    const base = baseUrl(request);
    const link = [{ relation: 'self', url: `${request.protocol}://${request.host}${request.url}` }];
    const last = rows.at(-1);
    if (more && last !== undefined) {
      const place = { number: patients.numberOf(last.id) as number, at: updatedAtOf(last) };
      link.push({ relation: 'next', url: `${base}/Patient?${nextQuery(request.query, place)}` });
    }
    const head = JSON.stringify({ resourceType: 'Bundle', type: 'searchset', total, link });
    const entries = rows.map(
      (patient) =>
        `{"fullUrl":${JSON.stringify(`${base}/Patient/${patient.id}`)},"resource":${read(patient).json},"search":{"mode":"match"}}`,
    );
    // A Bundle's entry may not be an empty array.
    return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
  }

  app.get<{ Params: { id: string } }>('/Patient/:id', async (request, reply) => {
    const record = patients.record(request.params.id);
    if (record === undefined) throw new FhirProblem(404, 'not-found', 'There is no such Patient.');
    if (statusOf(record) === 'deleted') throw new FhirProblem(410, 'deleted', 'The Patient was deleted.');
    return reply.send(read(record).json);
  });

  app.get<{ Querystring: Query }>('/Patient', async (request, reply) => {
    const search = readPatientSearch(request.query);
    if (search.identifier !== undefined || search.id !== undefined) {
      const rows = findFew(deps, search);
      const shown = search.limit === 0 ? [] : rows;
      return reply.send(bundle(request, { rows: shown, total: rows.length, more: false }));
    }
    const alike = { keeps: search.keeps, alike: true };
    const total = patients.count(alike);
    const page = search.limit === 0 ? { rows: [], more: false } : patients.page({ ...search, ...alike });
    return reply.send(bundle(request, { ...page, total }));
  });
}
