import type { FastifyInstance } from 'fastify';
import type { Patient, Practice } from '../../practice.ts';
import { definitionsOf } from './definitions.ts';
import { officeDateTime } from './office-time.ts';
import { ApiProblem, badRequest } from './problem.ts';
import { only, pageOf, type Query } from './query.ts';

/** `ChartNumber` has at most 15 characters, and is blank in many offices. */
const chartNumberOf = ({ mrn = '' }: Patient) => (mrn.length <= 15 ? mrn : '');

function patientRow(practice: Practice, patient: Patient) {
  return {
    PatNum: practice.patients.numberOf(patient.id),
    LName: patient.family ?? '',
    FName: patient.given ?? '',
    MiddleI: '',
    Preferred: '',
    PatStatus: 'Patient',
    Birthdate: '0001-01-01',
    ChartNumber: chartNumberOf(patient),
    ClinicNum: '0',
  };
}

const contains = (text: string, part: string | undefined) =>
  part === undefined || text.toLowerCase().includes(part.toLowerCase());

/** Definitions, clinics and patients: what an integrator reads of an office. */
export async function practiceRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  // https://www.opendental.com/site/apidefinitions.html. A category that is no number filters nothing.
  app.get<{ Querystring: Query }>('/api/v1/definitions', async ({ query }) => {
    const category = only(query, 'Category');
    const withHidden = only(query, 'includeHidden') === 'true';
    const rows = definitionsOf(practice).filter(
      (row) =>
        (withHidden || row.isHidden === 'false') &&
        (category === undefined || !/^\d+$/.test(category) || row.Category === Number(category)),
    );
    return pageOf(query, rows);
  });

  // https://www.opendental.com/site/apiclinics.html: an empty list means that the office does not use clinics.
  app.get<{ Querystring: Query }>('/api/v1/clinics', async ({ query }) =>
    pageOf(
      query,
      practice.locations.all().map(({ id, name = '', identifiers }) => ({
        ClinicNum: practice.locations.numberOf(id),
        Description: name,
        Address: '',
        City: '',
        State: '',
        Zip: '',
        Phone: '',
        Abbr: identifiers[0] ?? name,
        IsHidden: 'false',
      })),
    ),
  );

  // https://www.opendental.com/site/apipatients.html: the search is that of the Patient Select window, partial and without case.
  app.get<{ Querystring: Query }>('/api/v1/patients', async ({ query }) =>
    pageOf(
      query,
      practice.patients
        .all()
        .filter(
          (patient) =>
            contains(patient.family ?? '', only(query, 'LName')) &&
            contains(patient.given ?? '', only(query, 'FName')) &&
            contains(chartNumberOf(patient), only(query, 'ChartNumber')),
        )
        .map((patient) => patientRow(practice, patient)),
    ),
  );

  // Records have no time of change: one that was there at the start was changed then, a later one when it is first seen.
  const changedAt = new WeakMap<Patient, string>();
  const changed = (patient: Patient) => {
    const known = changedAt.get(patient);
    if (known !== undefined) return known;
    const now = officeDateTime(new Date());
    changedAt.set(patient, now);
    return now;
  };
  practice.patients.all().forEach(changed);

  app.get<{ Querystring: Query }>('/api/v1/patients/Simple', async ({ query }) => {
    const since = only(query, 'DateTStamp');
    if (since !== undefined && !/^\d{4}-\d{2}-\d{2}( \d{2}:\d{2}:\d{2})?$/.test(since))
      throw badRequest('DateTStamp must be in the format yyyy-MM-dd HH:mm:ss.');
    const rows = practice.patients
      .all()
      .filter((patient) => since === undefined || changed(patient) >= since);
    const serverDateTime = officeDateTime(new Date());
    return pageOf(query, rows).map((patient) => ({
      ...patientRow(practice, patient),
      DateTStamp: changed(patient),
      serverDateTime,
    }));
  });

  app.get<{ Params: { patNum: string } }>('/api/v1/patients/:patNum', async ({ params }) => {
    if (!/^\d{1,10}$/.test(params.patNum)) throw badRequest(`${params.patNum} is not a valid method.`);
    const patient = practice.patients.byNumber(Number(params.patNum));
    if (patient === undefined) throw new ApiProblem(404, 'Patient not found.');
    return patientRow(practice, patient);
  });
}
