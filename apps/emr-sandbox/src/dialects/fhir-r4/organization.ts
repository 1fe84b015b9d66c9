import type { FastifyInstance } from 'fastify';
import { only, type Query, refuseUnknown, searchset } from '../../fhir/bundle.ts';
import { type Identifier, matchesToken } from '../../fhir/identifiers.ts';
import { FhirProblem } from '../../fhir/operation-outcome.ts';

/** The practice itself: the only Organization that can receive a payment. */
export const PRACTICE_ID = 'practice';

const identifier: Identifier[] = [{ system: 'urn:emr-payments:organization', value: 'practice' }];
const organization = {
  resourceType: 'Organization',
  id: PRACTICE_ID,
  active: true,
  identifier,
  name: 'Made-up Family Practice',
};

/** Organization: read and search. */
export async function organizationRoutes(app: FastifyInstance): Promise<void> {
  app.get<{ Params: { id: string } }>('/Organization/:id', async (request, reply) => {
    if (request.params.id !== PRACTICE_ID)
      throw new FhirProblem(404, 'not-found', 'There is no such Organization.');
    return reply.send(JSON.stringify(organization));
  });
  app.get<{ Querystring: Query }>('/Organization', async (request, reply) => {
    refuseUnknown(request.query, ['identifier', '_id', '_count', '_offset']);
    const token = only(request.query, 'identifier');
    const id = only(request.query, '_id') ?? PRACTICE_ID;
    const matches = id === PRACTICE_ID && (token === undefined || matchesToken(identifier, token));
    const found = matches ? [organization] : [];
    return reply.send(searchset(request, { type: 'Organization', found, json: JSON.stringify }));
  });
}
