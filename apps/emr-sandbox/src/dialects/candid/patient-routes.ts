import type { FastifyInstance } from 'fastify';
import { type Patient, statusOf, updatedAtOf } from '../../patients/patient.ts';
import type { Place } from '../../patients/patient-roll.ts';
import type { Practice } from '../../practice.ts';
import { one, type Query } from './list-payments.ts';
import { numberInPatientId, patientBody } from './patient.ts';
import { notFound, unprocessable } from './problem.ts';

const PATH = '/patients/v1';

function limitOf(query: Query, name: string): number {
  const limit = Number(one(query, name) ?? '100');
  if (!Number.isInteger(limit) || limit < 1) throw unprocessable(`${name}: must be greater than 0`);
  // "Defaults to 100, capped at 1000."
  return Math.min(limit, 1000);
}

const tokenAt = (number: number) => Buffer.from(`patient=${number}`).toString('base64url');

function placeIn(query: Query): Place | undefined {
  const token = one(query, 'page_token');
  if (token === undefined) return undefined;
  const [, number] = /^patient=(\d{1,9})$/.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (number === undefined) throw unprocessable('page_token: is not one of this list');
  return { number: Number(number) };
}

/**
 * Patients of the pre-encounter service: search, list, read and scan (https://docs.joincandidhealth.com, pre-encounter patients v1; the paths
 * and forms are those of the vendor's npm client). Deleted patients are deactivated, and in the scan: it is by the scan that a reader
 * notices. Merged ones are deactivated too.
 */
export async function patientRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  const { patients } = practice;
  const show = (patient: Patient) => patientBody({ practice }, patient);

  const isThere = (patient: Patient) => statusOf(patient) !== 'deleted';

  // A list without pages, for one MRN.
  app.get<{ Querystring: Query }>(PATH, async ({ query }) => {
    const mrn = one(query, 'mrn');
    if (mrn === undefined) throw unprocessable('mrn: is required here');
    return patients.withMrn(mrn).filter(isThere).map(show);
  });

  app.get<{ Querystring: Query }>(`${PATH}/get_multi`, async ({ query }) => {
    for (const name of ['sort_field', 'sort_direction', 'redirect_to_primary'])
      if (one(query, name) !== undefined) throw unprocessable(`${name}: is not supported here`);
    const mrn = one(query, 'mrn');
    if (mrn !== undefined) {
      const items = patients.withMrn(mrn).filter(isThere).map(show);
      return { items, total: items.length };
    }
    const limit = limitOf(query, 'limit');
    const page = { order: 'number', keeps: isThere, alike: true, after: placeIn(query), limit } as const;
    const { rows, more } = patients.page(page);
    const last = rows.at(-1);
    return {
      items: rows.map(show),
      total: patients.count(page),
      ...(more && last !== undefined
        ? { next_page_token: tokenAt(patients.numberOf(last.id) as number) }
        : {}),
    };
  });

  // "The since query parameter is inclusive, and the result list is ordered by updatedAt ascending."
  app.get<{ Querystring: Query }>(`${PATH}/updates/scan`, async ({ query }) => {
    const since = one(query, 'since');
    if (since === undefined) throw unprocessable('since: is required');
    const from = Date.parse(since);
    if (Number.isNaN(from) || !since.includes('T')) throw unprocessable('since: is not a time');
    const page = {
      order: 'update',
      keeps: (patient: Patient) => Date.parse(updatedAtOf(patient)) >= from,
      alike: true,
      limit: limitOf(query, 'maxResults'),
    } as const;
    return patients.page(page).rows.map(show);
  });

  app.get<{ Params: { mrn: string } }>(`${PATH}/mrn/:mrn`, async ({ params: { mrn } }) => {
    const [patient] = patients.withMrn(mrn);
    if (patient === undefined) throw notFound(mrn);
    return show(patient);
  });
  app.get<{ Params: { id: string } }>(`${PATH}/:id`, async ({ params: { id } }) => {
    const number = numberInPatientId(id);
    const patient = number === undefined ? undefined : patients.recordByNumber(number);
    if (patient === undefined) throw notFound(id);
    return show(patient);
  });
}
