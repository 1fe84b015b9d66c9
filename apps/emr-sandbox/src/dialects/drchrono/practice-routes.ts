import type { FastifyInstance } from 'fastify';
import type { Patient, Practice } from '../../practice.ts';
import { lastOf, pageOf, type Query } from './page.ts';
import { DrChronoProblem, NOT_FOUND } from './problem.ts';
import { DOCTOR_ID } from './read-payment.ts';

/** Patients by `chart_id`, offices and doctors: what a client needs to find its way. */
export async function practiceRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  const patientRow = ({ id, mrn, given, family }: Patient) => ({
    id: practice.patients.numberOf(id) ?? 0,
    // The vendor makes one where nobody gave one.
    chart_id: mrn ?? id,
    first_name: given ?? '',
    last_name: family ?? '',
    gender: 'UNK',
    doctor: DOCTOR_ID,
  });

  app.get<{ Querystring: Query }>('/api/patients', async (request) => {
    const chartId = lastOf(request.query, 'chart_id');
    const rows = practice.patients
      .all()
      .map(patientRow)
      .filter((row) => chartId === undefined || row.chart_id === chartId)
      .sort((a, b) => a.id - b.id);
    return pageOf(request, rows);
  });
  app.get<{ Params: { id: string } }>('/api/patients/:id', async ({ params: { id } }) => {
    const patient = /^\d{1,15}$/.test(id) ? practice.patients.byNumber(Number(id)) : undefined;
    if (patient === undefined) throw new DrChronoProblem(404, NOT_FOUND);
    return patientRow(patient);
  });

  app.get<{ Querystring: Query }>('/api/offices', async (request) =>
    pageOf(
      request,
      practice.locations
        .all()
        .map(({ id, name }) => ({
          id: practice.locations.numberOf(id) ?? 0,
          name: name ?? id,
          doctor: DOCTOR_ID,
          archived: false,
        }))
        .sort((a, b) => a.id - b.id),
    ),
  );
  app.get<{ Querystring: Query }>('/api/doctors', async (request) =>
    pageOf(request, [
      { id: DOCTOR_ID, first_name: 'Grace', last_name: 'Sandbox', is_account_suspended: false },
    ]),
  );
}
