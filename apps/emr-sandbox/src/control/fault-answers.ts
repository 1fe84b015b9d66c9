import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import type { Dialect, ScriptedAnswer } from '../dialect.ts';
import type { ScriptedFault } from './faults.ts';

/** The answer of a gateway whose session has ended: no API call was made, and still the status is 200. */
const LOGIN_PAGE = `<!doctype html>
<html lang="en">
  <head><title>Sign in</title></head>
  <body><h1>Sign in to continue</h1><form method="post" action="/login"><input name="user"></form></body>
</html>
`;

/** The answer of a filter between the EMR and its caller: it has the form of no vendor. */
const BLOCKED = 'The answer was blocked by a rule. Support id: 4711.';

/** Makes the answer that replaces the dialect's own. */
export function answerOf(fault: ScriptedFault, dialect: Dialect): ScriptedAnswer {
  const { status } = fault;
  switch (fault.kind) {
    case 'html':
    case 'commit_then_html':
      return {
        status: status ?? 200,
        headers: { 'content-type': 'text/html; charset=utf-8' },
        body: LOGIN_PAGE,
      };
    case 'gateway':
    case 'commit_then_gateway':
      return {
        status: status ?? 403,
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: BLOCKED,
      };
    case 'empty':
    case 'commit_then_empty':
      return { status: status ?? 200, headers: {}, body: '' };
    case 'accept_later':
      return { status: 202, headers: {}, body: '' };
    case 'unauthorized':
      return dialect.answerError({
        reason: 'unauthorized',
        status: status ?? 401,
        text: 'The credentials were rejected.',
      });
    case 'too_many_requests':
      return dialect.answerError({
        reason: 'throttled',
        status: 429,
        text: 'Too many requests.',
        retryAfterSeconds: fault.retry_after_seconds,
      });
    case 'commit_then_500':
      return dialect.answerError({
        reason: 'error',
        status: status ?? 500,
        text: 'A scripted fault after the commit.',
      });
    default:
      return dialect.answerError({ reason: 'error', status: status ?? 500, text: 'A scripted fault.' });
  }
}

/** Replaces the whole answer, headers too: a `location` would name the entry that the caller must not learn of. */
export function replaceAnswer(reply: FastifyReply, { status, headers, body }: ScriptedAnswer): string {
  for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name);
  reply.code(status).headers(headers);
  return body;
}

/**
 * Sends the whole head with the full Content-Length, then half of the body, and closes the connection. An answer
 * without a body breaks off in the middle of its head instead: with the head whole it would be complete.
 */
export function sendHalf({ socket, reply }: { socket: Socket; reply: FastifyReply }, payload: unknown): void {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(String(payload ?? ''));
  const headers = { ...reply.getHeaders(), 'content-length': body.length };
  const head = [
    `HTTP/1.1 ${reply.statusCode} ${STATUS_CODES[reply.statusCode] ?? ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n');
  const text = Buffer.concat([Buffer.from(head), body]);
  const half = body.length === 0 ? head.length / 2 : head.length + body.length / 2;
  socket.write(text.subarray(0, Math.floor(half)), () => socket.destroy());
}
