import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Ledger } from '../../ledger.ts';
import type { Insertions } from './insertions.ts';
import type { Switches, SwitchSet } from './switches.ts';
import { SwitchesSchema } from './switches.ts';
import { EVENTS } from './webhook-routes.ts';
import type { Webhooks } from './webhooks.ts';

type Deps = {
  ledger: Ledger;
  switches: Switches;
  insertions: Insertions;
  webhooks: Webhooks;
  deleted: Map<string, string>;
  show: (entry: NonNullable<ReturnType<Ledger['byId']>>) => object;
};

/** Serves the actions of a person at the practice or at NexHealth, below `/sandbox/nexhealth`. */
export async function controlRoutes(
  app: FastifyInstance,
  { ledger, switches, insertions, webhooks, deleted, show }: Deps,
): Promise<void> {
  app.get('/', async () => switches.current);

  app.put<{ Body: Partial<SwitchSet> }>(
    '/',
    { schema: { body: Type.Partial(SwitchesSchema) } },
    async (request) => {
      switches.current = { ...switches.current, ...request.body };
      insertions.resume();
      return switches.current;
    },
  );

  app.put<{ Body: { url: string | null } }>(
    '/webhook',
    {
      schema: {
        body: Type.Object({ url: Type.Union([Type.String(), Type.Null()]) }, { additionalProperties: false }),
      },
    },
    async (request) => {
      const { url } = request.body;
      webhooks.removeAll();
      if (url === null) return { url };
      const endpoint = webhooks.register(url);
      for (const event of EVENTS) webhooks.subscribe(endpoint.id, event);
      return { url: endpoint.url, secret_key: endpoint.secret };
    },
  );

  app.delete<{ Params: { id: string } }>('/payments/:id', async (request, reply) => {
    const entry = ledger.byId(request.params.id);
    if (entry === undefined) return reply.code(404).send({ error: 'There is no such payment.' });
    deleted.set(entry.id, new Date().toISOString());
    webhooks.publish({ event: 'payment_deleted', data: { payment: show(entry) }, errors: [] });
    return reply.code(204).send();
  });
}
