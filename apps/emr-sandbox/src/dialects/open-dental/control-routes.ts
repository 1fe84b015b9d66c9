import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { type PatientChange, PatientChangeSchema, type PatientRecords } from './patient-records.ts';

const ParamsSchema = Type.Object({ patNum: Type.String({ pattern: '^\\d{1,19}$' }) });

/** Serves the actions of a person at the office, below `/sandbox/open-dental`. */
export async function controlRoutes(
  app: FastifyInstance,
  { patients }: { patients: PatientRecords },
): Promise<void> {
  app.put<{ Params: Static<typeof ParamsSchema>; Body: PatientChange }>(
    '/patients/:patNum',
    { schema: { params: ParamsSchema, body: PatientChangeSchema } },
    async (request, reply) =>
      patients.change(Number(request.params.patNum), request.body) ??
      reply.code(404).send({ error: 'There is no such patient.' }),
  );
}
