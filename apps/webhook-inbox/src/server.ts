import Fastify, { type FastifyInstance } from 'fastify';
import { behaviourScript } from './behaviour.ts';
import { controlRoutes } from './control-routes.ts';
import type { InboxDeps } from './deps.ts';
import { pageRoutes } from './page-routes.ts';
import { receiveRoutes } from './receive-routes.ts';

/** Builds the inbox. It does not listen yet. */
export function buildServer(deps: Omit<InboxDeps, 'behaviour'>): FastifyInstance {
  const all: InboxDeps = { ...deps, behaviour: behaviourScript() };
  const server = Fastify({
    bodyLimit: 1024 * 1024,
    // Strict: `"status": "500"` in a test's script is an error, not a 500.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    // A request that hangs by script must not keep the process from stopping.
    forceCloseConnections: true,
  });
  server.register(receiveRoutes, all);
  server.register(controlRoutes, all);
  server.register(pageRoutes);
  server.get('/health/live', () => ({ status: 'ok' }));
  return server;
}
