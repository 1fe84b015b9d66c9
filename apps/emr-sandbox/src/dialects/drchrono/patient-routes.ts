import type { FastifyInstance } from 'fastify';
import { isOnFile, type Patient, type PatientStatus, statusOf, updatedAtOf } from '../../patients/patient.ts';
import { personOf } from '../../patients/person.ts';
import type { Practice } from '../../practice.ts';
import { answerPage, idBefore, lastOf, type Query, sizeOf, timeOf } from './page.ts';
import { DrChronoProblem, NOT_FOUND } from './problem.ts';
import { DOCTOR_ID } from './read-payment.ts';

/** Active, inactive, deceased (https://app.drchrono.com/api-docs/, Patient). */
const STATUSES: Readonly<Record<PatientStatus, string>> = {
  active: 'A',
  inactive: 'I',
  archived: 'I',
  deceased: 'D',
  deleted: 'I',
};

/** The vendor makes a chart id where nobody gave one. */
const chartIdOf = ({ id, mrn }: Patient) => mrn ?? id;
/** Times have no zone. */
const withoutZone = (instant: string) => instant.slice(0, 19);

function rowOf({ practice }: { practice: Practice }, patient: Patient) {
  const { given, middle, family, birthDate, phone, email, street, ssn } = personOf(patient);
  const updated = withoutZone(updatedAtOf(patient));
  return {
    id: practice.patients.numberOf(patient.id) as number,
    chart_id: chartIdOf(patient),
    first_name: given,
    middle_name: middle,
    last_name: family,
    nick_name: '',
    gender: 'UNK',
    date_of_birth: birthDate,
    social_security_number: ssn,
    patient_status: STATUSES[statusOf(patient)],
    address: street,
    city: 'Nowhere',
    state: 'CA',
    zip_code: '',
    cell_phone: phone,
    home_phone: '',
    email,
    doctor: DOCTOR_ID,
    offices: [],
    created_at: updated,
    updated_at: updated,
  };
}
type Row = ReturnType<typeof rowOf>;

/** The filters that compare a field of the row, letter for letter. */
const FIELDS = ['first_name', 'last_name', 'gender', 'date_of_birth', 'email', 'chart_id'] as const;

function matches(row: Row, query: Query): boolean {
  const doctor = lastOf(query, 'doctor');
  return (
    FIELDS.every((name) => (lastOf(query, name) ?? row[name]) === row[name]) &&
    (doctor === undefined || doctor === String(row.doctor))
  );
}

/** Patients: list and read. A deleted or merged one is not found. Parameters that the vendor does not have are ignored. */
export async function patientRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  const { patients } = practice;
  const show = (patient: Patient) => rowOf({ practice }, patient);

  app.get<{ Querystring: Query }>('/api/patients', async (request) => {
    const { query } = request;
    const since = timeOf(query, 'since');
    const limit = sizeOf(query);
    const after = { number: idBefore(query) };
    // Whole seconds: a row whose time is shown as `since` is in the list.
    const isNew = (patient: Patient) =>
      isOnFile(patient) &&
      (since === undefined || Date.parse(`${withoutZone(updatedAtOf(patient))}Z`) >= since);
    const chartId = lastOf(query, 'chart_id');
    const few = chartId === undefined ? undefined : [...patients.withMrn(chartId), patients.record(chartId)];
    if (few !== undefined) {
      const rows = few
        .flatMap((patient) => (patient !== undefined && isNew(patient) ? show(patient) : []))
        .filter((row) => matches(row, query) && row.id > after.number);
      return answerPage(request, { rows: rows.slice(0, limit), more: rows.length > limit });
    }
    const alike = [...FIELDS, 'doctor'].every((name) => lastOf(query, name) === undefined);
    const keeps = (patient: Patient) => isNew(patient) && (alike || matches(show(patient), query));
    const page = patients.page({ order: 'number', keeps, alike, after, limit });
    return answerPage(request, { rows: page.rows.map(show), more: page.more });
  });

  app.get<{ Params: { id: string } }>('/api/patients/:id', async ({ params: { id } }) => {
    const patient = /^\d{1,15}$/.test(id) ? patients.byNumber(Number(id)) : undefined;
    if (patient === undefined) throw new DrChronoProblem(404, NOT_FOUND);
    return show(patient);
  });
}
