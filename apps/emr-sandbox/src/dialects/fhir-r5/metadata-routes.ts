import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import { baseUrl } from '../../fhir/bundle.ts';

const interaction = (...codes: string[]) => codes.map((code) => ({ code }));
const searchParam = (...names: string[]) =>
  names.map((name) => ({ name, type: name === 'url' ? 'uri' : 'token' }));

/** The CapabilityStatement, by which FHIR clients learn what this server can do. */
export async function metadataRoutes(
  app: FastifyInstance,
  { capabilities, since }: { capabilities: Capabilities; since: Date },
): Promise<void> {
  app.get('/metadata', async (request, reply) => {
    const { conditional_create, search } = capabilities.current;
    const statement = {
      resourceType: 'CapabilityStatement',
      status: 'active',
      date: since.toISOString(),
      kind: 'instance',
      software: { name: 'emr-sandbox' },
      implementation: { description: 'A practice to try payments with', url: baseUrl(request) },
      fhirVersion: '5.0.0',
      format: ['json'],
      rest: [
        {
          mode: 'server',
          resource: [
            {
              type: 'PaymentReconciliation',
              interaction: interaction('create', 'read', ...(search ? ['search-type'] : [])),
              conditionalCreate: conditional_create,
              searchParam: search ? searchParam('identifier') : [],
            },
            ...['Patient', 'Location'].map((type) => ({
              type,
              interaction: interaction('read', 'search-type', 'update'),
              searchParam: searchParam('identifier', '_id'),
            })),
            ...['CodeSystem', 'ValueSet'].map((type) => ({
              type,
              interaction: interaction('read', 'search-type'),
              searchParam: searchParam('url'),
              ...(type === 'ValueSet'
                ? {
                    operation: [
                      {
                        name: 'expand',
                        definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
                      },
                    ],
                  }
                : {}),
            })),
          ],
        },
      ],
    };
    return reply.send(JSON.stringify(statement));
  });
}
