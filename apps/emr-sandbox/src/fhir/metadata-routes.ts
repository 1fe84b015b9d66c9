import type { FastifyInstance } from 'fastify';
import type { Capabilities } from '../capabilities.ts';
import { baseUrl } from './bundle.ts';

type SearchParameter = { name: string; type: string };

/** The parts of the CapabilityStatement that differ between releases. */
export type Release = {
  /** `4.0.1`. */
  version: string;
  payments: { type: string; interactions: readonly string[]; searchParameters: readonly SearchParameter[] };
  /** Other resources of the practice, found by `identifier`, `_id` and what `searchParameters` names. */
  practice: readonly {
    type: string;
    interactions: readonly string[];
    searchParameters?: readonly SearchParameter[];
  }[];
};

const interaction = (codes: readonly string[]) => codes.map((code) => ({ code }));
const tokens = (...names: string[]): SearchParameter[] => names.map((name) => ({ name, type: 'token' }));
const BY_URL: readonly SearchParameter[] = [{ name: 'url', type: 'uri' }];
const READ = ['read', 'search-type'];
const EXPAND = { name: 'expand', definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand' };

/** Serves the CapabilityStatement, by which FHIR clients learn what the server can do (https://hl7.org/fhir/R4/capabilitystatement.html). */
export async function metadataRoutes(
  app: FastifyInstance,
  { capabilities, since }: { capabilities: Capabilities; since: Date },
  { version, payments, practice }: Release,
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
      fhirVersion: version,
      format: ['json'],
      rest: [
        {
          mode: 'server',
          resource: [
            {
              type: payments.type,
              interaction: interaction([...payments.interactions, ...(search ? ['search-type'] : [])]),
              conditionalCreate: conditional_create,
              // An empty array is no JSON of FHIR.
              ...(search ? { searchParam: payments.searchParameters } : {}),
            },
            ...practice.map(({ type, interactions, searchParameters = [] }) => ({
              type,
              interaction: interaction(interactions),
              searchParam: [...tokens('identifier', '_id'), ...searchParameters],
            })),
            { type: 'CodeSystem', interaction: interaction(READ), searchParam: BY_URL },
            { type: 'ValueSet', interaction: interaction(READ), searchParam: BY_URL, operation: [EXPAND] },
          ],
        },
      ],
    };
    return reply.send(JSON.stringify(statement));
  });
}
