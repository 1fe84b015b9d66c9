import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, type ErrorCode, type ErrorDetails, errorReply, HEADERS } from '@emr-payments/contracts';
import { SECURITY_HEADERS } from '../security-headers.ts';

const FROM_NODE: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'payload_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
};

/** A socket of Node's server, with the answer that it is writing. There is no public way to it (node issue 25564). */
type ServerSocket = Duplex & {
  _httpMessage?: ServerResponse | null;
  /** As in `net.Socket`. */
  bytesRead?: number;
  [REFUSED]?: true;
  [LAST]?: IncomingMessage;
};

/** Marks a connection whose error is on its way. */
const REFUSED = Symbol('refused');

/** The request that came last on a connection. */
const LAST = Symbol('last request');

/** Remembers a request whose headers have arrived. To be called for each. */
export function noteRequest(request: IncomingMessage): void {
  (request.socket as ServerSocket)[LAST] = request;
}

/** How long a caller has to read the error and to close its side, before the connection is cut. */
const LINGER_MS = 2000;

/**
 * Answers what Node's HTTP parser rejected before there was a request (broken HTTP, too large headers, a request that did
 * not arrive in time) in the shape of all other errors.
 */
export function answerClientError(error: { code?: string }, socket: ServerSocket): void {
  const isGone = error.code === 'ECONNRESET' || socket.destroyed;
  // After the refusal it cannot be written to either: cutting it then, with bytes unread, would take back what was written.
  if (isGone || (!socket.writable && !socket[REFUSED])) {
    socket.destroy();
    return;
  }
  const code = FROM_NODE[error.code ?? ''] ?? 'malformed_request';
  if (code === 'request_timeout') refuseLate(socket);
  else refuseConnection(socket, code);
}

/**
 * Refuses a request that did not arrive in time, once what has arrived is read. Node goes by the clock alone: after a moment in which this
 * process stood still, it calls requests late that wait in their sockets.
 */
function refuseLate(socket: ServerSocket): void {
  const hadBegun = socket.bytesRead !== 0;
  const whole = () => (socket[LAST]?.complete === true ? socket[LAST] : undefined);
  const before = whole();
  // Node looks for late requests in a timer. Sockets are read after the timers, and this is called after that.
  setImmediate(() => {
    const isWhole = whole() !== before;
    // Node measures a message from its first byte: this one has the whole time.
    const begins = !hadBegun && socket.bytesRead !== 0;
    if (!isWhole && !begins) refuseConnection(socket, 'request_timeout');
  });
}

/**
 * Answers a connection with an error of the catalogue, and closes it. By hand: without a request, only the socket can be written to.
 *
 * - Where the connection has requests in flight that arrived whole, their answers go first: a payment's client would otherwise
 *   take the error, which is about the bytes after it, for the answer to the payment.
 * - It is answered once, though the parser rejects each further piece of the same bytes.
 * - Node has taken its listeners from a connection that asked for a tunnel: without one for its errors, a reset would end the
 *   process, and without the time limit the caller could keep it for ever.
 */
export function refuseConnection(socket: ServerSocket, code: ErrorCode, details: ErrorDetails = {}): void {
  if (socket[REFUSED]) return;
  socket[REFUSED] = true;
  socket.on('error', () => socket.destroy());
  answerInTurn(socket, code, details);
}

function answerInTurn(socket: ServerSocket, code: ErrorCode, details: ErrorDetails): void {
  const inFlight = socket._httpMessage ?? null;
  if (inFlight?.req.complete === true && !inFlight.writableFinished) {
    inFlight.once('finish', () => answerInTurn(socket, code, details));
    return;
  }
  // Its answer has begun: another one in the middle of it would be read as a part of it.
  if (inFlight?.headersSent === true || !socket.writable) {
    socket.destroy();
    return;
  }
  writeAnswer(socket, code, details);
  // Nobody reads what the caller still sends, nor the end of it.
  socket.resume();
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(cut));
}

function writeAnswer(socket: Duplex, code: ErrorCode, details: ErrorDetails): void {
  const { status } = ERRORS[code];
  const requestId = randomUUID();
  const body = JSON.stringify(errorReply(code, { requestId, repeatable: false, details }));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      `${HEADERS.requestId}: ${requestId}`,
      'cache-control: no-store',
      ...Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`),
      ...(details.allow === undefined ? [] : [`allow: ${details.allow}`]),
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
