import type { FastifyInstance } from 'fastify';
import type { Practice } from '../practice.ts';
import { only, type Query, refuseUnknown, searchset } from './bundle.ts';
import { METHOD_SYSTEM, METHOD_VALUE_SET } from './identifiers.ts';
import { FhirProblem } from './operation-outcome.ts';

const ID = 'payment-methods';

function codeSystem(practice: Practice) {
  const concept = practice.methods.all().map(({ id, name }) => ({ code: id, display: name }));
  return {
    resourceType: 'CodeSystem',
    id: ID,
    url: METHOD_SYSTEM,
    name: 'PaymentMethods',
    title: "The practice's payment methods",
    status: 'active',
    caseSensitive: true,
    content: 'complete',
    concept,
  };
}

const valueSet = {
  resourceType: 'ValueSet',
  id: ID,
  url: METHOD_VALUE_SET,
  name: 'PaymentMethods',
  title: "The practice's payment methods",
  status: 'active',
  compose: { include: [{ system: METHOD_SYSTEM }] },
};

function expanded(practice: Practice) {
  const contains = practice.methods
    .all()
    .map(({ id, name }) => ({ system: METHOD_SYSTEM, code: id, display: name }));
  return {
    ...valueSet,
    expansion: { timestamp: new Date().toISOString(), total: contains.length, contains },
  };
}

/** Shows the payment methods as a CodeSystem and as a ValueSet. */
export async function terminologyRoutes(
  app: FastifyInstance,
  { practice }: { practice: Practice },
): Promise<void> {
  const lists: [string, { url: string; read: () => { id: string } }][] = [
    ['CodeSystem', { url: METHOD_SYSTEM, read: () => codeSystem(practice) }],
    ['ValueSet', { url: METHOD_VALUE_SET, read: () => valueSet }],
  ];
  for (const [type, { url, read }] of lists) {
    app.get<{ Params: { id: string } }>(`/${type}/:id`, async (request, reply) => {
      if (request.params.id !== ID) throw new FhirProblem(404, 'not-found', `There is no such ${type}.`);
      return reply.send(JSON.stringify(read()));
    });
    app.get<{ Querystring: Query }>(`/${type}`, async (request, reply) => {
      refuseUnknown(request.query, ['url', '_id', '_count', '_offset']);
      const asked = only(request.query, 'url') ?? url;
      const id = only(request.query, '_id') ?? ID;
      const found = asked === url && id === ID ? [read()] : [];
      return reply.send(searchset(request, { type, found, json: JSON.stringify }));
    });
  }

  app.get<{ Querystring: Query }>('/ValueSet/$expand', async (request, reply) => {
    if (only(request.query, 'url') !== METHOD_VALUE_SET) {
      throw new FhirProblem(404, 'not-found', 'There is no ValueSet with this url.');
    }
    return reply.send(JSON.stringify(expanded(practice)));
  });
  app.get<{ Params: { id: string } }>('/ValueSet/:id/$expand', async (request, reply) => {
    if (request.params.id !== ID) throw new FhirProblem(404, 'not-found', 'There is no such ValueSet.');
    return reply.send(JSON.stringify(expanded(practice)));
  });
}
