import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** The gate was shut when the request was ready to leave. No byte of it has left. */
export class ClaimLostError extends Error {
  override name = 'ClaimLostError';
}

/** Calls back when the connection is up, TLS included: from then on, bytes that are written leave at once. */
function whenUsable(socket: Socket, use: () => void): void {
  // `secureConnecting` is true until the handshake is done; on a reused TLS socket it is false.
  const handshaking =
    socket instanceof TLSSocket && (socket as { secureConnecting?: boolean }).secureConnecting;
  if (handshaking) socket.once('secureConnect', use);
  else if (socket.connecting) socket.once('connect', use);
  else use();
}

/**
 * A request body that leaves in one piece, and only when its gate is open at that moment. The headers wait for the
 * first byte of the body, so a request that is stopped here has sent nothing at all.
 */
export class GatedBody extends Readable {
  /** True from the tick in which the bytes were given to a connected socket: from then on the EMR may act. */
  handedOver = false;
  readonly #bytes: Buffer;
  readonly #mayStillSend: () => boolean;
  #wanted = false;
  #socket: Socket | null = null;

  constructor(bytes: Buffer, mayStillSend: () => boolean) {
    super({ highWaterMark: bytes.length + 1 });
    this.#bytes = bytes;
    this.#mayStillSend = mayStillSend;
  }

  /** Attaches the body to the request with which it leaves. */
  leaveBy(request: ClientRequest): void {
    const take = (socket: Socket) =>
      whenUsable(socket, () => {
        this.#socket = socket;
        this.#release();
      });
    if (request.socket !== null) take(request.socket);
    else request.once('socket', take);
  }

  override _read(): void {
    this.#wanted = true;
    // Bytes pushed within _read would be kept until it returns, and leave some time after the gate was checked.
    process.nextTick(() => this.#release());
  }

  /** Nothing else runs between the check of the gate and the write to the socket: `push` leads to the request's write. */
  #release(): void {
    if (!this.#wanted || this.#socket === null || this.handedOver || this.destroyed) return;
    if (!this.#mayStillSend()) {
      this.destroy(new ClaimLostError('the claim passed to another worker'));
      return;
    }
    this.handedOver = true;
    this.push(this.#bytes);
    // Node's HTTP client corks the socket until the next tick, to gather small writes. These must go now.
    this.#socket.uncork();
    this.push(null);
  }
}
