import { bearerTokenCheck } from '@emr-payments/runtime';
import { createRegistry, METRICS_CONTENT_TYPE, type Registry } from '@emr-payments/runtime/metrics';
import type { FastifyInstance } from 'fastify';
import { sendError } from './errors/send-error.ts';
import { type CountedAudit, countAudit } from './metrics/count-audit.ts';
import { type CountedPayments, countPayments } from './metrics/count-payments.ts';
import { type CountedRequests, countRequests } from './metrics/count-requests.ts';

/** The metrics of an API process. Labels are route patterns, statuses and outcomes: never an id or a tenant. docs/metrics.md lists them. */
export type ApiMetrics = CountedRequests & CountedPayments & CountedAudit & { registry: Registry };

export function createApiMetrics(): ApiMetrics {
  const registry = createRegistry({ process: 'api' });
  return { registry, ...countRequests(registry), ...countPayments(registry), ...countAudit(registry) };
}

/**
 * `/metrics`, for Prometheus. It reveals nothing about a tenant, but how much the service has to do: so it is on the health
 * port, or wants a token, or both.
 */
export async function metricsRoute(
  app: FastifyInstance,
  { metrics, metricsToken }: { metrics: Pick<ApiMetrics, 'registry'>; metricsToken: string | undefined },
): Promise<void> {
  const allowed = metricsToken === undefined ? () => true : bearerTokenCheck(metricsToken);
  app.get('/metrics', { config: { quiet: true }, schema: { hide: true } }, async (request, reply) => {
    if (!allowed(request.headers.authorization)) {
      reply.header('www-authenticate', 'Bearer realm="metrics"');
      return sendError(request, reply, 'invalid_client');
    }
    return reply.type(METRICS_CONTENT_TYPE).send(await metrics.registry.metrics());
  });
}
