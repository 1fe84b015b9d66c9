import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';

export const CapabilitiesSchema = Type.Object(
  {
    /** false: If-None-Exist is ignored, as by an EMR that does not know it. */
    conditional_create: Type.Boolean(),
    /** false: postings cannot be searched. */
    search: Type.Boolean(),
    /** Postings dated before this day are refused. */
    books_closed_before: Type.Union([Type.Null(), Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })]),
  },
  { additionalProperties: false },
);

export type CapabilitySet = Static<typeof CapabilitiesSchema>;
/** What this EMR can do, now: switches that a caller may turn while it runs. */
export type Capabilities = { current: CapabilitySet };

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
