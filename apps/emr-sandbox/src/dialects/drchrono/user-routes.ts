import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PERSON } from '../../oauth/applications.ts';
import { DATA_PREFIX } from './page.ts';
import { DrChronoProblem, NOT_FOUND } from './problem.ts';
import { DOCTOR_ID } from './read-payment.ts';

/** Each practice has one user. The first one's is the user of the rows' `created_by`. */
const userIdOf = (practiceGroup: number) => 6 + practiceGroup;

/** The user who has logged in, a member of staff. The other users of a practice are not simulated. */
export async function userRoutes(
  app: FastifyInstance,
  { practiceGroupOf }: { practiceGroupOf(request: FastifyRequest): number },
): Promise<void> {
  app.get('/api/users/current', async (request, reply) => {
    const { prefix } = request.server;
    const id = userIdOf(practiceGroupOf(request));
    return reply
      .code(302)
      .header('location', `${request.protocol}://${request.host}${prefix}/api/users/${id}`)
      .send();
  });
  app.get<{ Params: { id: string } }>('/api/users/:id', async (request) => {
    const group = practiceGroupOf(request);
    const id = userIdOf(group);
    if (request.params.id !== String(id)) throw new DrChronoProblem(404, NOT_FOUND);
    // Ids are numbers, and texts at the prefix that keeps to the vendor's document.
    const shown = (number: number) => (request.server.prefix === DATA_PREFIX ? String(number) : number);
    return {
      id: shown(id),
      username: PERSON.user,
      doctor: shown(DOCTOR_ID),
      practice_group: shown(group),
      is_doctor: false,
      is_staff: true,
      permissions: { access_patient_payments: true, billing: true, show_billing_tab: true },
    };
  });
}
