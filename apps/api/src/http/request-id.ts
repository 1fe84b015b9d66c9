import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { HEADERS } from '@emr-payments/contracts';

const SANE = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's own `x-request-id` when it is sane, a new UUID otherwise: the id goes into logs and answers. */
export function requestId(request: { headers: IncomingHttpHeaders }): string {
  const own = request.headers[HEADERS.requestId];
  return typeof own === 'string' && SANE.test(own) ? own : randomUUID();
}
