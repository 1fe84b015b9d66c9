import type { FastifyInstance } from 'fastify';
import { type Fault, type FaultBook, FaultSchema } from './faults.ts';

/** Scripts, lists and removes faults. */
export async function faultRoutes(app: FastifyInstance, { faults }: { faults: FaultBook }): Promise<void> {
  app.get('/faults', async () => ({ faults: faults.list() }));
  app.post<{ Body: Fault }>('/faults', { schema: { body: FaultSchema } }, async (request, reply) =>
    reply.code(201).send(faults.script(request.body)),
  );
  app.delete('/faults', async (_request, reply) => {
    faults.remove();
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: number } }>(
    '/faults/:id',
    { schema: { params: { type: 'object', properties: { id: { type: 'integer' } } } } },
    async (request, reply) => {
      faults.remove(request.params.id);
      return reply.code(204).send();
    },
  );
}
