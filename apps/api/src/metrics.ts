import { bearerTokenCheck } from '@emr-payments/runtime';
import { createRegistry, METRICS_CONTENT_TYPE, type Registry } from '@emr-payments/runtime/metrics';
import type { FastifyInstance } from 'fastify';
import { Counter, Histogram } from 'prom-client';
import { sendError } from './errors/send-error.ts';

/** The metrics of an API process. Labels are route patterns, statuses and outcomes: never an id or a tenant. */
export type ApiMetrics = {
  registry: Registry;
  request(done: { route: string; method: string; status: number; seconds: number }): void;
  /** Counts a request to accept a payment by its outcome. */
  accepted(outcome: string): void;
  /** Counts a look-up of a patient by its outcome. */
  lookedUp(outcome: string): void;
  /** Records the number of requests that shared one commit. */
  batch(rows: number): void;
};

export function createApiMetrics(): ApiMetrics {
  const registry = createRegistry();
  const registers = [registry];
  const requests = new Counter({
    name: 'emr_payments_http_requests_total',
    help: 'Answered requests.',
    labelNames: ['route', 'method', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'emr_payments_http_request_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['route'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const accepts = new Counter({
    name: 'emr_payments_accepts_total',
    help: 'Requests to accept a payment, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const batches = new Histogram({
    name: 'emr_payments_accept_batch_rows',
    help: 'Requests that shared one commit.',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  });
  const lookUps = new Counter({
    name: 'emr_payments_patient_lookups_total',
    help: 'Look-ups of patients whom payments named and who were not known, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  return {
    registry,
    request({ route, method, status, seconds: taken }) {
      requests.inc({ route, method, status });
      seconds.observe({ route }, taken);
    },
    accepted: (outcome) => accepts.inc({ outcome }),
    lookedUp: (outcome) => lookUps.inc({ outcome }),
    batch: (rows) => batches.observe(rows),
  };
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
