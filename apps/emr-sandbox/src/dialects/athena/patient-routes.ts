import type { FastifyInstance } from 'fastify';
import { isOnFile, type Patient, type PatientStatus, statusOf } from '../../patients/patient.ts';
import { personOf } from '../../patients/person.ts';
import type { Practice } from '../../practice.ts';
import { AthenaError } from './athena-error.ts';
import { page, type Query } from './page.ts';

/** `active`, `inactive`, `prospective` and `deleted` are the vendor's (the parameter texts of `GET /patients`). */
const STATUSES: Readonly<Record<PatientStatus, string>> = {
  active: 'active',
  inactive: 'inactive',
  archived: 'inactive',
  deceased: 'inactive',
  deleted: 'deleted',
};

/** mm/dd/yyyy. */
const usDate = (day: string) => day.replace(/^(\d{4})-(\d\d)-(\d\d)$/, '$2/$3/$1');

const text = (query: Query, name: string) => [query[name]].flat().at(-1);

function flag(query: Query, name: string): boolean {
  const value = text(query, name) ?? 'false';
  if (value !== 'true' && value !== 'false')
    throw new AthenaError(400, 'The data provided is invalid.', `${name} must be true or false.`);
  return value === 'true';
}

/** The criteria of which a search needs one. The vendor has some forty. */
const CRITERIA = ['firstname', 'lastname', 'dob', 'homephone', 'mobilephone', 'email', 'anyphone'] as const;

/** Patients: read and search by criteria. A merged chart is not found: the chart that stays names it. */
export function patientRoutes(scope: FastifyInstance, { practice }: { practice: Practice }): void {
  const { patients } = practice;

  function rowOf(patient: Patient) {
    const { given, middle, family, birthDate, phone, email, street } = personOf(patient);
    return {
      patientid: String(patients.numberOf(patient.id)),
      firstname: given,
      middlename: middle,
      lastname: family,
      dob: usDate(birthDate),
      status: STATUSES[statusOf(patient)],
      departmentid: '1',
      primarydepartmentid: '1',
      homephone: phone,
      mobilephone: phone,
      email,
      address1: street,
      city: 'Nowhere',
      state: 'CA',
      ssn: '*****0199',
      ...(statusOf(patient) === 'deceased' ? { deceaseddate: '01/15/2026' } : {}),
    };
  }

  // Before the read, whose path would match it too.
  scope.get('/v1/:practiceid/patients/changed', async () => {
    // The feed is served to those who have subscribed to it. The status and the words of the refusal are in no page.
    throw new AthenaError(
      403,
      'You are not subscribed to this feed.',
      'POST /patients/changed/subscription first; this app has no right to.',
    );
  });
  scope.route({
    method: ['GET', 'POST', 'DELETE'],
    url: '/v1/:practiceid/patients/changed/subscription',
    handler: async () => {
      throw new AthenaError(403, 'The app has no access to this endpoint.');
    },
  });

  scope.get<{ Params: { patientid: string }; Querystring: Query }>(
    '/v1/:practiceid/patients/:patientid(^\\d+$)',
    async ({ params: { patientid }, query }) => {
      if (!/^[1-9]\d{0,8}$/.test(patientid))
        throw new AthenaError(400, 'The data provided is invalid.', 'patientid must be a whole number.');
      const record = patients.recordByNumber(Number(patientid));
      if (record === undefined || record.mergedInto !== undefined)
        throw new AthenaError(404, 'The patient does not exist.', 'patientid');
      const previous = flag(query, 'showpreviouspatientids')
        ? [...patients.kept()]
            .filter(({ mergedInto }) => mergedInto === record.id)
            .map(({ id }) => String(patients.numberOf(id)))
        : undefined;
      // One patient is a list of one, as in recorded answers.
      return [{ ...rowOf(record), ...(previous === undefined ? {} : { previouspatientids: previous }) }];
    },
  );

  scope.get<{ Querystring: Query }>('/v1/:practiceid/patients', async (request) => {
    const { query } = request;
    const asked = CRITERIA.flatMap((name) => {
      const value = text(query, name);
      return value === undefined || value === '' ? [] : [[name, value] as const];
    });
    // "Retrieves a list of patients in the given practice based on search criteria": there is no list of all.
    if (asked.length === 0)
      throw new AthenaError(
        400,
        'Additional fields are required.',
        `One of ${CRITERIA.join(', ')} is needed.`,
      );
    const digits = (value: string) => value.replace(/\D/g, '');
    const keeps = (patient: Patient) => {
      const row = rowOf(patient);
      return (
        isOnFile(patient) &&
        asked.every(([name, value]) =>
          name.endsWith('phone')
            ? digits(row.homephone) === digits(value)
            : name === 'firstname' || name === 'lastname'
              ? row[name].toLowerCase().startsWith(value.toLowerCase())
              : row[name as 'dob' | 'email'] === value,
        )
      );
    };
    return page(request, 'patients', {
      total: patients.count({ keeps, alike: false }),
      slice: (offset: number, limit: number) =>
        patients.page({ order: 'number', keeps, alike: false, offset, limit }).rows.map(rowOf),
    });
  });
}
