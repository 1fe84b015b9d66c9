import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Marks a request that was accepted earlier. Its value is a secret of this process, so no caller can mark its own. */
const HEADER = 'x-sandbox-late';

export type LaterRequests = {
  /** True for a request that comes back after its delay: no fault strikes it a second time. */
  isLate(request: FastifyRequest): boolean;
  /** Lets a request come back, as it arrived. What the handler then answers, nobody reads. */
  schedule(request: FastifyRequest, delayMs: number): void;
};

function payloadOf({ body, headers }: FastifyRequest): string | Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body;
  return headers['content-type']?.includes('x-www-form-urlencoded')
    ? new URLSearchParams(body as Record<string, string>).toString()
    : JSON.stringify(body);
}

/** Carries out accepted requests after their delays, like an EMR with a queue. Those that wait when the server closes are lost. */
export function createLaterRequests(scope: FastifyInstance): LaterRequests {
  const mark = randomUUID();
  const timers = new Set<NodeJS.Timeout>();
  scope.addHook('onClose', async () => {
    for (const timer of timers) clearTimeout(timer);
  });

  return {
    isLate: ({ headers }) => headers[HEADER] === mark,
    schedule(request, delayMs) {
      const { 'content-length': _length, ...headers } = request.headers;
      const payload = payloadOf(request);
      const again = {
        method: request.method as 'POST',
        url: request.url,
        headers: { ...headers, [HEADER]: mark },
        ...(payload === undefined ? {} : { payload }),
      };
      const timer = setTimeout(() => {
        timers.delete(timer);
        void scope.inject(again).catch(() => undefined);
      }, delayMs);
      timers.add(timer);
    },
  };
}
