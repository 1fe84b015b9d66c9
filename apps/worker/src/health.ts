import type { Database } from '@emr-payments/db';
import { METRICS_CONTENT_TYPE, type Transport } from '@emr-payments/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import type { WorkerMetrics } from './metrics.ts';

const state = (check: PromiseSettledResult<void>) => (check.status === 'fulfilled' ? 'up' : 'down');

async function withinMs(ms: number, check: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ms);
  });
  await Promise.race([check, late]).finally(() => clearTimeout(timer));
}

/**
 * `/health/live`: this process runs. `/health/ready`: it can work; with 503 the body says what it lacks. `/metrics`: for
 * Prometheus.
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
      withinMs(2_000, deps.database.ping()),
      withinMs(2_000, deps.transport.ping()),
    ]);
    const ready = postgres.status === 'fulfilled' && queue.status === 'fulfilled';
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ok' : 'unavailable', postgres: state(postgres), queue: state(queue) });
  });
  return app;
}
