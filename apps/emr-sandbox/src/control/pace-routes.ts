import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { type Pace, PaceSchema, type PaceSet } from '../pace.ts';

/** Reads and changes the pace; a PUT changes only what it names. */
export async function paceRoutes(app: FastifyInstance, { pace }: { pace: Pace }): Promise<void> {
  app.get('/pace', async () => pace.current);
  app.put<{ Body: Partial<PaceSet> }>(
    '/pace',
    { schema: { body: Type.Partial(PaceSchema) } },
    async (request) => {
      pace.current = { ...pace.current, ...request.body };
      return pace.current;
    },
  );
}
