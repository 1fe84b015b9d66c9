import type { FastifyPluginAsync } from 'fastify';
import { authenticateClientHook } from '../auth/authenticate-client-hook.ts';
import type { AuthenticateClient } from '../auth/credentials.ts';
import type { Limits } from '../limits.ts';
import type { Gate } from '../rate-limit/gate.ts';
import { deliveryRoutes } from './delivery-routes.ts';
import { endpointRoutes } from './endpoint-routes.ts';
import { eventRoutes } from './event-routes.ts';
import type { WebhookDeps } from './operation.ts';

export type WebhookRouteDeps = WebhookDeps & {
  authenticateClient: AuthenticateClient;
  gate: Gate;
  limits: Limits;
};

/** The routes of a client itself: its endpoints, their deliveries, its events. They need no access token. */
export const webhookRoutes: FastifyPluginAsync<WebhookRouteDeps> = async (app, deps) => {
  app.addHook('onRequest', authenticateClientHook(deps));
  await app.register(endpointRoutes, deps);
  await app.register(deliveryRoutes, deps);
  await app.register(eventRoutes, deps);
};
