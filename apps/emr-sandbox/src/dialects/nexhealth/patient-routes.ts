import type { FastifyInstance } from 'fastify';
import { isOnFile, type Patient, statusOf, updatedAtOf } from '../../patients/patient.ts';
import type { Place } from '../../patients/patient-roll.ts';
import { personOf } from '../../patients/person.ts';
import type { Practice } from '../../practice.ts';
import { requireVersion } from './access.ts';
import { NexProblem, success } from './envelope.ts';
import {
  flag,
  INSTITUTION_ID,
  ignoredParameters,
  instant,
  locationOf,
  only,
  perPageOf,
  type Query,
  SUBDOMAIN,
} from './query.ts';

/** The vendor's filters (https://docs.nexhealth.com/reference/getpatients). */
const KNOWN = [
  'subdomain',
  'location_id',
  'sort',
  'name',
  'email',
  'phone_number',
  'date_of_birth',
  'inactive',
  'foreign_id',
  'updated_since',
  'new_patient',
  'non_patient',
  'forms_syncable',
  'location_strict',
];

/** NexHealth keeps a patient that the EMR does not have any more, as an inactive one. */
const isInactive = (patient: Patient) =>
  !isOnFile(patient) || ['inactive', 'archived'].includes(statusOf(patient));

function bodyOf({ practice }: { practice: Practice }, patient: Patient) {
  const { given, middle, family, birthDate, phone, email, street, ssn } = personOf(patient);
  const at = updatedAtOf(patient);
  return {
    id: practice.patients.numberOf(patient.id),
    email,
    first_name: given,
    middle_name: middle,
    last_name: family,
    name: `${given} ${family}`.trim(),
    created_at: at,
    updated_at: at,
    institution_id: INSTITUTION_ID,
    foreign_id: patient.mrn ?? null,
    foreign_id_type: 'sandbox',
    bio: {
      city: 'Nowhere',
      state: 'CA',
      gender: 'Other',
      zip_code: '',
      new_patient: false,
      non_patient: false,
      phone_number: phone,
      cell_phone_number: phone,
      date_of_birth: birthDate,
      address_line_1: street,
      street_address: street,
      ssn,
    },
    inactive: isInactive(patient),
    last_sync_time: at,
    guarantor_id: 0,
    billing_type: null,
    chart_id: null,
    preferred_language: null,
    provider_id: null,
  };
}

const cursorOf = ({ number, at }: Place) =>
  Buffer.from(`patient:${number} ${at ?? ''}`).toString('base64url');

function placeIn(query: Query): Place | undefined {
  // Going back through a list that changes is of use to nobody here.
  if (only(query, 'start_cursor')) throw new NexProblem(400, 'start_cursor is invalid');
  const text = only(query, 'end_cursor');
  if (text === undefined || text === '') return undefined;
  const [, number, at] = /^patient:(\d{1,9}) (\S+)$/.exec(Buffer.from(text, 'base64url').toString()) ?? [];
  if (number === undefined || at === undefined) throw new NexProblem(400, 'end_cursor is invalid');
  return { number: Number(number), at };
}

function orderOf(query: Query): 'number' | 'update' {
  const sort = only(query, 'sort') ?? 'id';
  // `-id` and `-updated_at` are documented too; the sandbox does not go backwards.
  if (sort !== 'id' && sort !== 'updated_at') throw new NexProblem(400, 'sort is invalid');
  return sort === 'id' ? 'number' : 'update';
}

/** The test of all filters, and whether it is the same for patients that differ in their numbers only. */
function testOf(query: Query): { keeps: (patient: Patient) => boolean; alike: boolean } {
  const inactive = flag(query, 'inactive');
  const since = instant(query, 'updated_since');
  const name = only(query, 'name')?.toLowerCase();
  const [email, phone, born] = ['email', 'phone_number', 'date_of_birth'].map((each) => only(query, each));
  if (born !== undefined && !/^\d{4}-\d\d-\d\d$/.test(born))
    throw new NexProblem(400, 'date_of_birth is invalid');
  const asked = [flag(query, 'new_patient'), flag(query, 'non_patient')];
  flag(query, 'location_strict');
  flag(query, 'forms_syncable');
  return {
    alike: name === undefined && email === undefined,
    keeps(patient) {
      const person = personOf(patient);
      return (
        (inactive === undefined || isInactive(patient) === inactive) &&
        (since === undefined || Date.parse(updatedAtOf(patient)) >= since) &&
        !asked.includes(true) &&
        (name === undefined || `${person.given} ${person.family}`.toLowerCase().includes(name)) &&
        (email === undefined || person.email === email) &&
        (phone === undefined || person.phone.replaceAll('-', '') === phone.replace(/\D/g, '')) &&
        (born === undefined || person.birthDate === born)
      );
    },
  };
}

/** Patients: list and read (https://docs.nexhealth.com/reference/patients-1). */
export async function patientRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  const { patients } = practice;
  const show = (patient: Patient) => bodyOf({ practice }, patient);
  const placeOf = (patient: Patient | undefined) =>
    patient === undefined
      ? null
      : cursorOf({ number: patients.numberOf(patient.id) as number, at: updatedAtOf(patient) });

  app.get<{ Querystring: Query }>('/patients', async (request) => {
    requireVersion(request);
    const { query } = request;
    locationOf(practice, query);
    const [order, limit, after] = [orderOf(query), perPageOf(query), placeIn(query)];
    const test = testOf(query);
    const foreignId = only(query, 'foreign_id');
    const few = foreignId === undefined ? undefined : patients.withMrn(foreignId).filter(test.keeps);
    const behind = few?.filter(({ id }) => (patients.numberOf(id) as number) > (after?.number ?? 0));
    const { rows, more } =
      behind === undefined
        ? patients.page({ order, limit, after, ...test })
        : { rows: behind.slice(0, limit), more: behind.length > limit };
    return {
      ...success(rows.map(show), ignoredParameters(query, KNOWN)),
      page_info: {
        has_previous_page: after !== undefined,
        has_next_page: more,
        start_cursor: placeOf(rows[0]),
        end_cursor: placeOf(rows.at(-1)),
      },
    };
  });

  app.get<{ Params: { id: string }; Querystring: Query }>('/patients/:id', async (request) => {
    requireVersion(request);
    const { params, query } = request;
    const subdomain = only(query, 'subdomain');
    if (!subdomain) throw new NexProblem(400, 'subdomain is missing');
    if (subdomain !== SUBDOMAIN) throw new NexProblem(403, "You don't have access to perform this action.");
    const record = /^\d{1,9}$/.test(params.id) ? patients.recordByNumber(Number(params.id)) : undefined;
    if (record === undefined) throw new NexProblem(404, 'The patient was not found.');
    return success(show(record));
  });
}
