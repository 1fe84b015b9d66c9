import { setTimeout as wait } from 'node:timers/promises';
import { verify } from '@emr-payments/webhooks';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { InboxDeps } from './deps.ts';
import type { Message } from './messages.ts';

function toMessage(request: FastifyRequest, secrets: readonly string[]): Message {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const result = verify({ body, headers: request.headers, secrets });
  const id = request.headers['webhook-id'];
  return {
    id: typeof id === 'string' && id !== '' ? id : request.id,
    received_at: new Date().toISOString(),
    headers: request.headers,
    body: body.toString('utf8'),
    verified: result.ok,
    ...(result.ok ? {} : { reason: result.reason }),
  };
}

/** `POST /webhooks`: keeps every message, verified or not, and answers as a receiver should or as `behaviour` says. */
export async function receiveRoutes(server: FastifyInstance, deps: InboxDeps): Promise<void> {
  // The signature covers the bytes as they arrived, so nothing may parse them before `verify`.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  server.post('/webhooks', async (request, reply) => {
    const message = toMessage(request, deps.secrets.current());
    deps.messages.add(message);
    const behaviour = deps.behaviour.next();
    if (behaviour.hang) {
      reply.hijack();
      return;
    }
    if (behaviour.delay_ms !== undefined) await wait(behaviour.delay_ms, undefined, { ref: false });
    if (behaviour.retry_after !== undefined) reply.header('retry-after', String(behaviour.retry_after));
    const status = behaviour.status ?? (message.verified ? 204 : 401);
    if (message.verified || status === 204) return reply.code(status).send();
    return reply.code(status).send({ error: message.reason });
  });
}
