import { onlyText } from '@emr-payments/contracts';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { type Static, Type } from '@sinclair/typebox';
import type { Limits } from './limits.ts';
import { errorResponses } from './openapi/error-responses.ts';

/** Each check resolves when its server answers. */
export type HealthChecks = { postgres(): Promise<void>; queue(): Promise<void> };

const State = Type.Unsafe<'up' | 'down'>({
  type: 'string',
  enum: ['up', 'down'],
  description: '`down`: it does not answer in time.',
});
const Status = Type.Unsafe<'ok' | 'degraded' | 'unavailable' | 'stopping'>({
  type: 'string',
  enum: ['ok', 'degraded', 'unavailable', 'stopping'],
  description: '`degraded`: payments are accepted, and posted once the queue is back.',
});
const ReadySchema = Type.Object({ status: Status, postgres: State, queue: State });
type Ready = Static<typeof ReadySchema>;

const ERRORS = errorResponses(['malformed_request', 'method_not_allowed', 'headers_too_large']);

/**
 * `/health/live`: the process answers. `/health/ready`: it can accept payments, which needs Postgres only. While the queue
 * is down, payments are still accepted, and posted once it is back: 200 with `degraded`.
 */
export const healthRoutes: FastifyPluginAsyncTypebox<{ checks: HealthChecks; limits: Limits }> = async (
  app,
  { checks, limits },
) => {
  let stopping = false;
  app.addHook('preClose', async () => {
    stopping = true;
  });

  // Probes that arrive while one is running share its result, so that no number of them can load Postgres.
  let running: Promise<Ready> | undefined;
  const check = async (): Promise<Ready> => {
    const [postgres, queue] = await Promise.all([
      stateOf(checks.postgres, limits.healthCheckMs),
      stateOf(checks.queue, limits.healthCheckMs),
    ]);
    const status = postgres === 'down' ? 'unavailable' : queue === 'down' ? 'degraded' : 'ok';
    return { status: stopping ? 'stopping' : status, postgres, queue };
  };

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
          'Needs PostgreSQL only. While the queue is down, payments are still accepted (`degraded`), and posted once it is back.',
        security: [],
        response: {
          200: Type.Object(ReadySchema.properties, { title: 'Readiness', description: 'Ready' }),
          503: Type.Object(ReadySchema.properties, {
            title: 'Readiness',
            description: 'Not ready: PostgreSQL is down, or the process is stopping',
          }),
          ...ERRORS,
        },
      },
    },
    async (_request, reply) => {
      running ??= check().finally(() => {
        running = undefined;
      });
      const ready = await running;
      return reply.code(ready.status === 'ok' || ready.status === 'degraded' ? 200 : 503).send(ready);
    },
  );
};

/** Runs a check: `down` when it fails or takes longer than its bound. */
async function stateOf(check: () => Promise<void>, withinMs: number): Promise<'up' | 'down'> {
  try {
    await within(withinMs, check());
    return 'up';
  } catch {
    return 'down';
  }
}
