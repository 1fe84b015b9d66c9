import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { ERRORS, type ErrorCode, errorReply, HEADERS } from '@emr-payments/contracts';
import { SECURITY_HEADERS } from '../security-headers.ts';

const FROM_NODE: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/**
 * Answers what Node's HTTP parser rejected before there was a request (broken HTTP, too large headers, a request that did
 * not arrive in time) in the shape of all other errors. By hand: without a request, only the socket can be written to.
 */
export function answerClientError(error: { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = FROM_NODE[error.code ?? ''] ?? 'malformed_request';
  const { status } = ERRORS[code];
  const requestId = randomUUID();
  const body = JSON.stringify(errorReply(code, { requestId, repeatable: false }));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `${HEADERS.requestId}: ${requestId}`,
      'cache-control: no-store',
      ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
