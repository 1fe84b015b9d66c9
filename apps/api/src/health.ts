import { onlyText } from '@emr-payments/contracts';
import {
  createReadiness,
  isReady,
  POSTGRES_TROUBLES,
  QUEUE_TROUBLES,
  type Readiness,
  type ReadinessChecks,
  type Trouble,
} from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Limits } from './limits.ts';
import { errorResponses } from './openapi/error-responses.ts';

export type HealthChecks = ReadinessChecks;

/** The dependencies of the health routes, on the API’s port and on the health port. */
export type HealthDeps = {
  checks: HealthChecks;
  limits: Limits;
  /** Aborted when the process begins to stop. */
  stopping: AbortSignal;
};

const oneOf = <const Values extends readonly string[]>(values: Values, description: string) =>
  Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], description });

const ReadySchema = Type.Object({
  status: oneOf(['ok', 'degraded', 'unavailable', 'stopping'], 'Whether payments can be accepted now.'),
  postgres: oneOf(['up', 'down'], 'PostgreSQL can be written to.'),
  schema: oneOf(
    ['current', 'behind', 'unknown'],
    'The database has the migrations that this version needs; `behind` when it has not.',
  ),
  queue: oneOf(['up', 'down'], 'The queue can be written to.'),
  reasons: Type.Array(
    Type.Unsafe<Trouble>({ type: 'string', enum: [...POSTGRES_TROUBLES, ...QUEUE_TROUBLES] }),
    { description: 'Why a part is down. Empty when nothing is.' },
  ),
});

const ERRORS = errorResponses([
  'malformed_request',
  'method_not_allowed',
  'headers_too_large',
  'expectation_failed',
]);

/** Answers `/health/ready`: 503 while the process is not ready. */
export function readyHandler(app: FastifyInstance, { checks, limits, stopping }: HealthDeps) {
  let closing = false;
  app.addHook('preClose', async () => {
    closing = true;
  });
  const readiness = createReadiness(
    { checks, stopping: () => closing || stopping.aborted },
    { needsQueue: false, withinMs: limits.healthCheckMs, reuseMs: limits.healthReuseMs },
  );
  return async (_request: unknown, reply: FastifyReply): Promise<Readiness> => {
    const ready = await readiness.read();
    reply.code(isReady(ready) ? 200 : 503);
    return ready;
  };
}

/**
 * `/health/live`: the process answers. `/health/ready`: it can accept payments, which needs Postgres only. While the queue
 * is down, payments are still accepted, and posted once it is back: 200 with `degraded`. While the process stops: 503 with
 * `stopping`, although every request still works, so that a load balancer sends no more of them.
 */
export const healthRoutes: FastifyPluginAsyncTypebox<HealthDeps> = async (app, deps) => {
  app.get(
    '/health/live',
    {
      config: { quiet: true },
      schema: {
        operationId: 'live',
        tags: ['Health'],
        summary: 'The process is alive',
        description: 'Answers as long as the process can answer at all. It asks no other server.',
        security: [],
        response: {
          200: Type.Object({ status: onlyText('ok') }, { title: 'Liveness', description: 'Alive' }),
          ...ERRORS,
        },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/health/ready',
    {
      config: { quiet: true },
      schema: {
        operationId: 'ready',
        tags: ['Health'],
        summary: 'Payments can be accepted',
        description:
          'Needs a PostgreSQL that can be written to and has the migrations of this version. While the queue is down, payments are still accepted (`degraded`), and posted once it is back.',
        security: [],
        response: {
          200: Type.Object(ReadySchema.properties, { title: 'Readiness', description: 'Ready' }),
          503: Type.Object(ReadySchema.properties, {
            title: 'Readiness',
            description: 'Not ready: PostgreSQL cannot be used, or the process is stopping',
          }),
          ...ERRORS,
        },
      },
    },
    readyHandler(app, deps),
  );
};
