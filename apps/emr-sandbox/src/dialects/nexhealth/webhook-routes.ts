import type { FastifyInstance } from 'fastify';
import { NexProblem, success } from './envelope.ts';
import { only, type Query, SUBDOMAIN } from './query.ts';
import type { Endpoint, Webhooks } from './webhooks.ts';

/** The events about payments (https://docs.nexhealth.com/v20240412/reference/webhook-subscriptions). */
export const EVENTS = ['payment_insertion', 'payment_created', 'payment_updated', 'payment_deleted'];

const V2 = 'application/vnd.Nexhealth+json;version=2';

const endpointBody = ({ id, url, secret, since }: Endpoint) => ({
  id,
  target_url: url,
  secret_key: secret,
  active: true,
  created_at: since,
  updated_at: since,
});

const fieldOf = (body: unknown, name: string): string => {
  const value = (body as Record<string, unknown> | null)?.[name];
  if (typeof value !== 'string' || value === '') throw new NexProblem(400, `${name} is missing`);
  return value;
};

/** Registers endpoints and subscriptions (https://docs.nexhealth.com/docs/webhooks). */
export async function webhookRoutes(
  app: FastifyInstance,
  { webhooks }: { webhooks: Webhooks },
): Promise<void> {
  app.get('/webhook_endpoints', async (_request, reply) =>
    reply
      .type(V2)
      .send({ ...success(webhooks.endpoints.map(endpointBody)), count: webhooks.endpoints.length }),
  );

  app.post('/webhook_endpoints', async (request, reply) => {
    const endpoint = webhooks.register(fieldOf(request.body, 'target_url'));
    return reply
      .code(201)
      .type(V2)
      .send(success(endpointBody(endpoint)));
  });

  app.post<{ Params: { id: string }; Querystring: Query }>(
    '/webhook_endpoints/:id/webhook_subscriptions',
    async (request, reply) => {
      const endpoint = webhooks.endpoints.find(({ id }) => String(id) === request.params.id);
      if (endpoint === undefined) throw new NexProblem(404, 'Webhook endpoint not found');
      if (only(request.query, 'subdomain') !== SUBDOMAIN)
        throw new NexProblem(403, "You don't have access to perform this action.");
      const resourceType = fieldOf(request.body, 'resource_type');
      const event = fieldOf(request.body, 'event');
      if (resourceType.toLowerCase() !== 'payment' || !EVENTS.includes(event))
        throw new NexProblem(400, 'resource_type and event do not belong together');
      const { id } = webhooks.subscribe(endpoint.id, event);
      const shown = { id, resource_type: 'Payment', event, active: true, webhook_endpoint_id: endpoint.id };
      return reply.code(201).type(V2).send(success(shown));
    },
  );
}
