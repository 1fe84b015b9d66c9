import type { FastifyInstance } from 'fastify';
import type { Practice } from '../../practice.ts';
import { pageOf, type Query } from './page.ts';
import { DOCTOR_ID } from './read-payment.ts';

/** Offices and doctors: what a client needs to find its way. */
export async function practiceRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  app.get<{ Querystring: Query }>('/api/offices', async (request) =>
    pageOf(
      request,
      practice.locations
        .all()
        .map(({ id, name, active = true }) => ({
          id: practice.locations.numberOf(id) ?? 0,
          name: name ?? id,
          doctor: DOCTOR_ID,
          archived: !active,
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
