import type { Database } from '@emr-payments/db';
import { METRICS_CONTENT_TYPE, type Transport, within } from '@emr-payments/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import type { WorkerMetrics } from './metrics.ts';

/** A part that has not answered by then counts as down. */
const CHECK_MS = 2_000;

const state = (check: PromiseSettledResult<void>) => (check.status === 'fulfilled' ? 'up' : 'down');

/**
 * Serves three routes. `/health/live`: 200 while the process runs. `/health/ready`: 200 when PostgreSQL and the queue
 * answer, otherwise 503, and the body says which of them is down. `/metrics`: for Prometheus.
 */
export function buildHealthServer(deps: {
  database: Database;
  transport: Transport;
  metrics: WorkerMetrics;
}): FastifyInstance {
  const app = fastify({ forceCloseConnections: true });
  app.get('/health/live', async () => ({ status: 'ok' }));
  app.get('/metrics', async (_request, reply) =>
    reply.type(METRICS_CONTENT_TYPE).send(await deps.metrics.registry.metrics()),
  );
  app.get('/health/ready', async (_request, reply) => {
    const [postgres, queue] = await Promise.allSettled([
      within(CHECK_MS, deps.database.ping()),
      within(CHECK_MS, deps.transport.ping()),
    ]);
    const ready = postgres.status === 'fulfilled' && queue.status === 'fulfilled';
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ok' : 'unavailable', postgres: state(postgres), queue: state(queue) });
  });
  return app;
}
