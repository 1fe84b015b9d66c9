import { namingVariables, type Releases } from '@emr-payments/runtime';
import { type FastifyInstance, fastify } from 'fastify';
import type { ApiConfig } from './config.ts';
import { type HealthChecks, type HealthDeps, readyHandler } from './health.ts';
import { LIMITS } from './limits.ts';
import { type ApiMetrics, metricsRoute } from './metrics.ts';

/**
 * Builds the server of HEALTH_PORT: `/health/live`, `/health/ready` and `/metrics`, for those who run the service. It has no
 * route of the API.
 */
export async function buildHealthServer(
  deps: HealthDeps & { metrics: Pick<ApiMetrics, 'registry'>; metricsToken: string | undefined },
): Promise<FastifyInstance> {
  const app = fastify({ forceCloseConnections: true, logger: false });
  app.get('/health/live', async () => ({ status: 'ok' }));
  app.get('/health/ready', readyHandler(app, deps));
  await app.register(metricsRoute, deps);
  return app;
}

/**
 * Builds the server of HEALTH_PORT, if the configuration has one, and adds it to the releases: call it before the API is added,
 * so that it is closed after it.
 *
 * @returns a function that listens, and returns the port; null without HEALTH_PORT. Call it when the API listens.
 */
export async function openHealthServer(deps: {
  config: Pick<ApiConfig, 'HOST' | 'HEALTH_PORT' | 'METRICS_TOKEN'>;
  releases: Releases;
  checks: HealthChecks;
  metrics: Pick<ApiMetrics, 'registry'>;
}): Promise<() => Promise<number | null>> {
  const { config, releases, checks, metrics } = deps;
  const { HOST: host, HEALTH_PORT: port } = config;
  if (port === undefined) return async () => null;
  const app = await buildHealthServer({
    checks,
    limits: LIMITS,
    stopping: releases.stopping.signal,
    metrics,
    metricsToken: config.METRICS_TOKEN,
  });
  releases.add('health server', app, (it) => it.close());
  return async () => {
    await namingVariables({ host, port, portVariable: 'HEALTH_PORT' }, (at) => app.listen(at));
    const address = app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  };
}
