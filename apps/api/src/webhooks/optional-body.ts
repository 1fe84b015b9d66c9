import type { FastifyReply, FastifyRequest } from 'fastify';

/** For requests whose body has nothing required: none at all is the same as an empty object. */
export function emptyBodyAsObject(request: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  request.body ??= {};
  done();
}
