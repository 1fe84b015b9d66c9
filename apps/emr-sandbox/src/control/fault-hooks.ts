import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Dialect } from '../dialect.ts';
import { answerOf, replaceAnswer, sendHalf } from './fault-answers.ts';
import { type FaultBook, isCarriedOut, type ScriptedFault } from './faults.ts';
import { createLaterRequests } from './later-requests.ts';

const never = () => new Promise<never>(() => undefined);

/**
 * Lets the scripted faults strike requests to a dialect. They strike once the body has arrived, so a slow commit
 * happens even when the client has gone: a slow EMR posts all the same.
 */
export function addFaultHooks(
  scope: FastifyInstance,
  { faults, dialect }: { faults: FaultBook; dialect: Dialect },
): void {
  const struck = new WeakMap<FastifyRequest, ScriptedFault>();
  const later = createLaterRequests(scope);

  scope.addHook('preHandler', async (request, reply) => {
    if (later.isLate(request)) return undefined;
    const { method, body } = request;
    const path = request.url.split('?', 1)[0] ?? '';
    const target = dialect.targetOf({ method, path: path.slice(scope.prefix.length), body });
    const { latencyMs, fault } = faults.strike({ method, path, ...target });
    if (latencyMs > 0) await wait(latencyMs);
    if (fault === null) return undefined;
    if (fault.kind === 'hang') return reply.hijack();
    if (fault.kind === 'reset') {
      reply.hijack();
      return void request.raw.socket.resetAndDestroy();
    }
    if (fault.kind === 'accept_later' && fault.entry_after_ms !== undefined)
      later.schedule(request, fault.entry_after_ms);
    struck.set(request, fault);
    // Sending here skips the handler; `onSend` fills in the fault's answer.
    return isCarriedOut(fault.kind) ? undefined : reply.send('');
  });

  // The handler of a request that is carried out has written to the ledger by now; only its answer has not left.
  scope.addHook('onSend', async (request, reply, payload) => {
    const fault = struck.get(request);
    if (fault === undefined) return payload;
    struck.delete(request);
    switch (fault.kind) {
      case 'commit_then_hang':
        return never();
      case 'commit_then_reset':
        request.raw.socket.resetAndDestroy();
        return never();
      case 'half_answer':
        sendHalf({ socket: request.raw.socket, reply }, payload);
        return never();
      case 'wrong_content_type':
        reply.type('text/plain; charset=utf-8');
        return payload;
      default:
        return replaceAnswer(reply, answerOf(fault, dialect));
    }
  });
}
