import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { type Capabilities, CapabilitiesSchema, type CapabilitySet } from '../capabilities.ts';

/** Reads and changes the capabilities; a PUT changes only the ones it names. */
export async function capabilityRoutes(
  app: FastifyInstance,
  { capabilities }: { capabilities: Capabilities },
): Promise<void> {
  app.get('/capabilities', async () => capabilities.current);
  app.put<{ Body: Partial<CapabilitySet> }>(
    '/capabilities',
    { schema: { body: Type.Partial(CapabilitiesSchema) } },
    async (request) => {
      capabilities.current = { ...capabilities.current, ...request.body };
      return capabilities.current;
    },
  );
}
