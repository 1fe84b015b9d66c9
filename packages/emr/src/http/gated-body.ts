import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { SendGate } from '../send-gate.ts';

/** The gate was shut when the request was ready to leave. No byte of it has left. */
export class ClaimLostError extends Error {
  override name = 'ClaimLostError';
}

/** Bytes of an answer came before the request was sent: they are not an answer to it. */
export class EarlyAnswerError extends Error {
  override name = 'EarlyAnswerError';
}

/**
 * Calls back when the connection is up, TLS included: from then on, bytes that are written leave at once. Never for a connection that is
 * closed already: the system can refuse one at once, without a route, an address or a socket for it.
 */
function whenUsable(socket: Socket, use: () => void): void {
  // `secureConnecting` is true until the handshake is done; on a reused TLS socket it is false.
  const handshaking =
    socket instanceof TLSSocket && (socket as { secureConnecting?: boolean }).secureConnecting;
  if (handshaking) socket.once('secureConnect', use);
  else if (socket.connecting) socket.once('connect', use);
  else if (!socket.destroyed) use();
}

/** The body of one request. */
export type GatedBody = {
  /** True from the tick in which the bytes were given to a connected socket: from then on the EMR may act. */
  readonly handedOver: boolean;
  /** True while the request is ready, and its gate is not known yet. */
  readonly waits: boolean;
};

/**
 * Gives a request a body that leaves in one piece with the headers, and only when its gate is open at that moment: a request that is
 * stopped here has sent nothing at all. A gate that gives a promise is waited for, and then asked again. The gate is in `end`, by which
 * every client of Node ends a request: what calls `end` has no body of its own. A stream in its place costs got a pipe, and an error that it throws and catches because it cannot copy a stream.
 *
 * A far end that sends a byte before the request has left is not answering it, but an earlier one on this connection, and what follows
 * would be taken for the answer: then nothing is sent.
 *
 * To be called before the request has its connection.
 */
export function gateBody(
  request: ClientRequest,
  {
    text,
    mayStillSend,
    answerHasBegun,
  }: { text: string; mayStillSend: SendGate; answerHasBegun: () => boolean },
): GatedBody {
  let handedOver = false;
  let usable = false;
  let waiting = false;
  let ended: { callback: (() => void) | undefined } | null = null;
  const end = request.end.bind(request);

  /** Nothing else runs between the check of the gate and the write to the socket: `end` writes in this tick, whole. */
  function release(): void {
    if (!usable || ended === null || handedOver || waiting || request.destroyed) return;
    if (answerHasBegun()) {
      request.destroy(new EarlyAnswerError('an answer began before the request was sent'));
      return;
    }
    const open = mayStillSend();
    if (typeof open !== 'boolean') {
      waiting = true;
      const shut = (cause: unknown) =>
        request.destroy(new ClaimLostError('the gate did not open', { cause }));
      open.then(() => {
        waiting = false;
        release();
      }, shut);
      return;
    }
    if (!open) {
      request.destroy(new ClaimLostError('the claim passed to another worker'));
      return;
    }
    handedOver = true;
    end(text, 'utf8', ended.callback);
  }

  request.end = (callback?: unknown) => {
    ended = { callback: typeof callback === 'function' ? (callback as () => void) : undefined };
    release();
    return request;
  };
  request.once('socket', (socket) =>
    whenUsable(socket, () => {
      usable = true;
      release();
    }),
  );
  return {
    get handedOver() {
      return handedOver;
    },
    get waits() {
      return waiting;
    },
  };
}
