import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { operationOutcome } from '../dialects/fhir-r5/operation-outcome.ts';
import type { FaultBook, ScriptedFault } from './faults.ts';

const never = () => new Promise<never>(() => undefined);

function cutOff(request: FastifyRequest, reply: FastifyReply): void {
  reply.hijack();
  request.raw.socket.resetAndDestroy();
}

/** What happens instead of the request being worked on. */
async function strikeBefore(
  fault: ScriptedFault,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  switch (fault.kind) {
    case 'status':
      return reply.code(fault.status ?? 500).send(operationOutcome('exception', 'A scripted fault.'));
    case 'too_many_requests': {
      if (fault.retry_after_seconds !== undefined)
        reply.header('retry-after', String(fault.retry_after_seconds));
      return reply.code(429).send(operationOutcome('throttled', 'Too many requests.'));
    }
    case 'reset':
      return cutOff(request, reply);
    case 'hang':
      return reply.hijack();
    default:
      return undefined;
  }
}

/**
 * Lets the scripted faults strike FHIR requests. It happens once the body is in, so that a late commit is one even
 * when the client has gone: an EMR that was slow has posted all the same.
 */
export function addFaultHooks(app: FastifyInstance, { faults }: { faults: FaultBook }): void {
  const afterCommit = new WeakMap<FastifyRequest, ScriptedFault>();

  app.addHook('preHandler', async (request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const { latencyMs, fault } = faults.strike({ method: request.method, path });
    if (latencyMs > 0) await wait(latencyMs);
    if (fault === null) return undefined;
    if (fault.kind.startsWith('commit_')) {
      afterCommit.set(request, fault);
      return undefined;
    }
    return strikeBefore(fault, request, reply);
  });

  // The handler has written to the ledger by now; only its answer is still here.
  app.addHook('onSend', async (request, reply, payload) => {
    const fault = afterCommit.get(request);
    if (fault === undefined) return payload;
    afterCommit.delete(request);
    if (fault.kind === 'commit_then_hang') return never();
    if (fault.kind === 'commit_then_reset') {
      request.raw.socket.resetAndDestroy();
      return never();
    }
    reply
      .code(fault.status ?? 500)
      .removeHeader('location')
      .removeHeader('etag')
      .removeHeader('last-modified');
    return JSON.stringify(operationOutcome('exception', 'A scripted fault after the commit.'));
  });
}
