import { bearerTokenCheck, createReadiness, isReady, type ReadinessChecks } from '@emr-payments/runtime';
import { METRICS_CONTENT_TYPE } from '@emr-payments/runtime/metrics';
import { type FastifyInstance, fastify } from 'fastify';
import type { WorkerMetrics } from './metrics.ts';

/** A part that has not answered by then counts as down. */
const CHECK_MS = 2_000;

/** The checks write to PostgreSQL and to the queue: probes that follow each other closely share one result. */
const REUSE_MS = 250;

export type HealthDeps = {
  checks: ReadinessChecks;
  metrics: Pick<WorkerMetrics, 'registry'>;
  /** The bearer token for `/metrics`; without one it is open to everybody who reaches the port. */
  metricsToken: string | undefined;
  /** Aborted when the process begins to stop. */
  stopping: AbortSignal;
};

/**
 * Serves three routes. `/health/live`: 200 while the process runs. `/health/ready`: 200 when PostgreSQL and the queue can be
 * written to and the schema is the one that this version needs, otherwise 503; the body says why. `/metrics`: for Prometheus.
 */
export function buildHealthServer({ checks, metrics, metricsToken, stopping }: HealthDeps): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  const allowed = metricsToken === undefined ? () => true : bearerTokenCheck(metricsToken);
  const readiness = createReadiness(
    { checks, stopping: () => stopping.aborted },
    { needsQueue: true, withinMs: CHECK_MS, reuseMs: REUSE_MS },
  );
  app.get('/health/live', async () => ({ status: 'ok' }));
  app.get('/metrics', async (request, reply) => {
    if (!allowed(request.headers.authorization)) {
      return reply.code(401).header('www-authenticate', 'Bearer realm="metrics"').send({ status: 'denied' });
    }
    return reply.type(METRICS_CONTENT_TYPE).send(await metrics.registry.metrics());
  });
  app.get('/health/ready', async (_request, reply) => {
    const ready = await readiness.read();
    return reply.code(isReady(ready) ? 200 : 503).send(ready);
  });
  return app;
}
