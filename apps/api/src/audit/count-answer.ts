import { type ErrorCode, HEADERS } from '@emr-payments/contracts';
import type { AuditCounter, KnownCaller, SoughtId } from '@emr-payments/db';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { knownCallerOf } from '../http/known-caller.ts';
import { auditOf } from './audited-routes.ts';

declare module 'fastify' {
  interface FastifyReply {
    /** An id that the caller filtered by and found nothing; handlers set it. Ids of a 404 are known without. */
    soughtId: SoughtId | null;
  }
}

type Ids = { id?: string; job_id?: string; recovery_id?: string };

/** The id that was not found, by the code of the answer. */
const SOUGHT: Partial<Record<ErrorCode, (params: Ids, body: { endpoint_id?: unknown }) => SoughtId | null>> =
  {
    payment_not_found: ({ id = '' }) => ({ kind: 'payment', id }),
    job_not_found: ({ job_id: id = '' }) => ({ kind: 'job', id }),
    event_not_found: ({ id = '' }) => ({ kind: 'event', id }),
    recovery_not_found: ({ recovery_id: id = '' }) => ({ kind: 'recovery', id }),
    endpoint_not_found: ({ id = '' }, { endpoint_id: named }) => ({
      kind: 'endpoint',
      id: typeof named === 'string' ? named : id,
    }),
  };

/**
 * Counts a request whose answer is known for the audit log: reads of patients' data, what has no entry of its own, answers that
 * were given again, and ids that were not found, in case they are another tenant's. It counts in memory; nothing waits for it.
 */
export function countAnswer(audit: AuditCounter, request: FastifyRequest, reply: FastifyReply): void {
  const sought = reply.soughtId ?? soughtBy(request, reply.errorCode);
  const action = reply.statusCode === 200 ? actionOf(request, reply) : null;
  if (sought === null && action === null) return;
  const caller = knownCallerOf(request);
  if (caller === null) return;
  if (sought !== null) audit.notFound(caller, sought);
  if (action !== null) countDone(audit, { caller, request, action });
}

/** Names the action of a successful answer; null where it has an entry already, or needs none. */
function actionOf(request: FastifyRequest, reply: FastifyReply): string | null {
  const route = auditOf(request.method, request.routeOptions.url);
  if (route === undefined || 'none' in route) return null;
  if ('counted' in route) return route.counted;
  return reply.hasHeader(HEADERS.idempotentReplayed) ? 'answer.replay' : null;
}

/** Counts one action of a caller. Its subject is whose data it is: the user's or the client's, or the endpoint that was tested. */
export function countDone(
  audit: Pick<AuditCounter, 'action'>,
  { caller, request, action }: { caller: KnownCaller; request: FastifyRequest; action: string },
): void {
  const { clientId, user, source } = caller;
  audit.action({
    actor: `client:${clientId}`,
    user,
    source,
    action,
    subject:
      action === 'endpoint.test'
        ? `endpoint:${(request.params as Ids).id}`
        : user === null
          ? `client:${clientId}`
          : `user:${user}`,
    outcome: 'done',
  });
}

function soughtBy(request: FastifyRequest, code: ErrorCode | null): SoughtId | null {
  const idFrom = code === null ? undefined : SOUGHT[code];
  return idFrom?.(request.params as Ids, (request.body ?? {}) as { endpoint_id?: unknown }) ?? null;
}
