import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { type Behaviour, BehaviourSchema } from './behaviour.ts';
import type { InboxDeps } from './deps.ts';

const SecretsSchema = Type.Object(
  { secrets: Type.Array(Type.String(), { maxItems: 100 }) },
  { additionalProperties: false },
);

const DEFAULT_LIMIT = 100;
const MOST = 1000;

/** Reads `?limit=`: 1 to 1000; 100 when it is missing or not a positive integer. */
function limitOf(text: string | undefined): number {
  const limit = text === undefined ? DEFAULT_LIMIT : Number(text);
  return Number.isInteger(limit) && limit > 0 ? Math.min(limit, MOST) : DEFAULT_LIMIT;
}

/**
 * Shows what has arrived, and sets secrets and behaviour for tests and the local stack. There is no authentication, so the
 * inbox must not listen on a public address.
 */
export async function controlRoutes(server: FastifyInstance, deps: InboxDeps): Promise<void> {
  server.get<{ Querystring: { limit?: string } }>('/messages', (request) =>
    deps.messages.newest(limitOf(request.query.limit)),
  );

  server.delete('/messages', (_request, reply) => {
    deps.messages.clear();
    return reply.code(204).send();
  });

  server.put<{ Body: { secrets: string[] } }>(
    '/secrets',
    { schema: { body: SecretsSchema } },
    (request, reply) => {
      try {
        deps.secrets.replace(request.body.secrets);
      } catch (error) {
        if (error instanceof TypeError) return reply.code(400).send({ error: error.message });
        throw error;
      }
      return reply.code(204).send();
    },
  );

  server.get('/behaviour', () => deps.behaviour.current());

  server.put<{ Body: Behaviour }>('/behaviour', { schema: { body: BehaviourSchema } }, (request) => {
    deps.behaviour.set(request.body);
    return deps.behaviour.current();
  });

  server.delete('/behaviour', (_request, reply) => {
    deps.behaviour.reset();
    return reply.code(204).send();
  });
}
