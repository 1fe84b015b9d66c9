import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bearerTokenCheck, createReadiness, isReady, type ReadinessChecks } from '@emr-payments/runtime';
import { METRICS_CONTENT_TYPE } from '@emr-payments/runtime/metrics';
import type { WorkerMetrics } from './metrics.ts';

/** A part that has not answered by then counts as down. */
const CHECK_MS = 2_000;

/** The checks write to PostgreSQL and to the queue: probes that follow each other closely share one result. */
const REUSE_MS = 250;

/** The database has not been checked yet for commits that it has lost: nothing is posted before that (`waitForLineage`). */
export type WorkerTrouble = 'lineage_unchecked';

export type HealthDeps = {
  checks: ReadinessChecks;
  /** Why this worker does not work yet, although PostgreSQL and the queue can be used; null when it works. */
  workerTrouble: () => WorkerTrouble | null;
  metrics: Pick<WorkerMetrics, 'registry'>;
  /** The bearer token for `/metrics`; without one it is open to everybody who reaches the port. */
  metricsToken: string | undefined;
  /** Aborted when the process begins to stop. */
  stopping: AbortSignal;
};

export type HealthServer = {
  /** @returns the port: the given one, or a free one for 0. */
  listen(at: { host: string; port: number }): Promise<number>;
  /** Takes no new connection, and cuts off the open ones. */
  close(): Promise<void>;
};

type Answer = { status: number; body: object | string; headers?: Record<string, string> };

/**
 * Serves three routes. `/health/live`: 200 while the process runs. `/health/ready`: 200 when PostgreSQL and the queue can be
 * written to, the schema is the one that this version needs, and the worker has begun to work, otherwise 503; the body says why.
 * `/metrics`: for Prometheus.
 *
 * It is written on `node:http`, because Fastify, its validators and its router take more than 5 MB of a process that has three routes
 * without input (docs/performance-notes.md).
 */
export function buildHealthServer({
  checks,
  workerTrouble,
  metrics,
  metricsToken,
  stopping,
}: HealthDeps): HealthServer {
  const allowed = metricsToken === undefined ? () => true : bearerTokenCheck(metricsToken);
  const readiness = createReadiness(
    { checks, stopping: () => stopping.aborted, ownTrouble: workerTrouble },
    { needsQueue: true, withinMs: CHECK_MS, reuseMs: REUSE_MS },
  );
  const routes: Readonly<Record<string, (request: IncomingMessage) => Promise<Answer>>> = {
    '/health/live': async () => ({ status: 200, body: { status: 'ok' } }),
    async '/health/ready'() {
      const ready = await readiness.read();
      return { status: isReady(ready) ? 200 : 503, body: ready };
    },
    async '/metrics'({ headers: { authorization } }) {
      if (allowed(authorization))
        return {
          status: 200,
          body: await metrics.registry.metrics(),
          headers: { 'content-type': METRICS_CONTENT_TYPE },
        };
      const headers = { 'www-authenticate': 'Bearer realm="metrics"' };
      return { status: 401, body: { status: 'denied' }, headers };
    },
  };

  const answerTo = async (request: IncomingMessage): Promise<Answer> => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = routes[path];
    if (route === undefined || (request.method !== 'GET' && request.method !== 'HEAD'))
      return { status: 404, body: { status: 'not_found' } };
    // The message of an error can name a host; readiness says in its own words what is wrong.
    return route(request).catch(() => ({ status: 500, body: { status: 'failed' } }));
  };
  const server = createServer(async (request, response) => {
    const { status, body, headers } = await answerTo(request);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      ...headers,
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  });

  return {
    async listen({ host, port }) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once('error', reject).listen({ host, port }, resolve);
      await promise;
      server.off('error', reject);
      return (server.address() as AddressInfo).port;
    },
    async close() {
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      await promise;
    },
  };
}
