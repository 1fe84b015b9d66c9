import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../../capabilities.ts';
import { baseUrl } from '../../fhir/bundle.ts';
import { SEARCH_PARAMETERS } from './search.ts';

const interaction = (...codes: string[]) => codes.map((code) => ({ code }));
const token = (...names: string[]) => names.map((name) => ({ name, type: name === 'url' ? 'uri' : 'token' }));

/** The CapabilityStatement of R4 (https://hl7.org/fhir/R4/capabilitystatement.html). */
export async function metadataRoutes(
  app: FastifyInstance,
  { capabilities, since }: { capabilities: Capabilities; since: Date },
): Promise<void> {
  app.get('/metadata', async (request, reply) => {
    const { conditional_create, search } = capabilities.current;
    const practice = ['Patient', 'Location', 'Organization'].map((type) => ({
      type,
      interaction: interaction('read', 'search-type', ...(type === 'Organization' ? [] : ['update'])),
      searchParam: token('identifier', '_id'),
    }));
    const statement = {
      resourceType: 'CapabilityStatement',
      status: 'active',
      date: since.toISOString(),
      kind: 'instance',
      software: { name: 'emr-sandbox' },
      implementation: { description: 'A practice to try payments with', url: baseUrl(request) },
      fhirVersion: '4.0.1',
      format: ['json'],
      rest: [
        {
          mode: 'server',
          resource: [
            {
              type: 'PaymentNotice',
              interaction: interaction('create', 'read', 'update', ...(search ? ['search-type'] : [])),
              conditionalCreate: conditional_create,
              searchParam: search ? SEARCH_PARAMETERS : [],
            },
            ...practice,
            {
              type: 'CodeSystem',
              interaction: interaction('read', 'search-type'),
              searchParam: token('url'),
            },
            {
              type: 'ValueSet',
              interaction: interaction('read', 'search-type'),
              searchParam: token('url'),
              operation: [
                { name: 'expand', definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand' },
              ],
            },
          ].map(({ searchParam, ...resource }) => ({
            ...resource,
            // An empty array is no JSON of FHIR.
            ...(searchParam.length === 0 ? {} : { searchParam }),
          })),
        },
      ],
    };
    return reply.send(JSON.stringify(statement));
  });
}
