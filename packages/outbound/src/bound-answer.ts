import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { AnswerBoundError, type Reading, whenConnected } from './answer-meter.ts';

export { AnswerBoundError, meterConnections } from './answer-meter.ts';

/** Most interim answers (1xx) of one exchange. A server sends 100, perhaps 103, and rarely a few 102. */
const MOST_INTERIM = 8;

/**
 * A piece of a body counts as at least this many bytes. A piece is what one chunk or one packet holds, and each costs us a
 * call: in chunks of one byte, 64 KiB would cost as much as 20 MB in large ones.
 */
const PIECE_BYTES = 128;

/**
 * Bytes that the parser gets at once. It goes on to the end of its slice although the bound is reached within it, so slices are large
 * only while they hold few pieces: not before the final head, where each interim answer costs a call, nor in a body of small chunks.
 */
const SLICE = { small: 1024, large: 8 * 1024 };
const FEW_PIECES = 8;

/** The far end switches to another protocol (101), which no request of ours offers. */
export class UpgradeError extends Error {
  override name = 'UpgradeError';
  readonly code = 'ERR_UPGRADE_NOT_OFFERED';
}

export type Bound = {
  /** Most bytes of one exchange: interim answers, heads, framing, trailers and body together. */
  maxBytes: number;
  /** Called when the final head has come, before any byte of its body. */
  onHead?: (response: IncomingMessage) => void;
  /** Called with each piece of the body, in the tick in which the parser has found it. */
  onBody?: (piece: Uint8Array) => void;
};

/**
 * Bounds the answer to a request by the bytes on its connection, decrypted where there is TLS, and by the number of interim
 * answers. Beyond the bound the connection is destroyed at once and the request fails with an `AnswerBoundError`, so that no
 * server can make us read without end. Bytes after the end of the answer close the connection and are read by nobody.
 *
 * To be called before the request has its connection.
 *
 * @returns `hasBegun`: true from the first byte that the far end has sent on the connection since the request has it.
 */
export function boundAnswer(
  request: ClientRequest,
  { maxBytes, onHead, onBody }: Bound,
): { hasBegun: () => boolean } {
  let left = maxBytes;
  let interim = 0;
  let response: IncomingMessage | undefined;
  let socket: Socket | undefined;
  /** Pieces of the body in the present slice; null until a slice begins within the body. */
  let pieces: number | null = null;

  const spend = (bytes: number): AnswerBoundError | null => {
    left -= bytes;
    return left >= 0 ? null : new AnswerBoundError(`the answer is larger than ${maxBytes / 1024} KiB`);
  };
  const reading: Reading = {
    ended: () => response?.complete === true,
    arrived: spend,
    slice() {
      const isLarge = pieces !== null && pieces <= FEW_PIECES;
      pieces = response === undefined ? null : 0;
      return isLarge ? SLICE.large : SLICE.small;
    },
  };
  whenConnected(request, (meter, its) => {
    socket = its;
    meter.begin(reading);
    request.once('close', () => meter.end(reading));
  });
  // The parser goes on to the end of its slice although the connection is closed. When it finds no HTTP there, the request fails with that
  // and then with our error, and a client that listens once, such as got, would let the second one end the process.
  request.on('error', () => undefined);
  request.on('information', () => {
    interim += 1;
    if (interim > MOST_INTERIM) {
      socket?.destroy(new AnswerBoundError(`there were more than ${MOST_INTERIM} interim answers`));
    }
  });
  // Node takes its own listeners off the connection and hands it over to the first listener; got has one that ignores it, and
  // the connection would stay open for ever.
  request.prependOnceListener('upgrade', (_head, upgraded) => {
    upgraded.on('error', () => undefined);
    upgraded.destroy();
    request.emit('error', new UpgradeError('the answer switches to another protocol'));
  });
  request.prependOnceListener('response', (head) => {
    response = head;
    onHead?.(head);
    const push = head.push.bind(head);
    // Node's parser hands over each piece with `push`.
    head.push = (piece: unknown, encoding?: BufferEncoding): boolean => {
      if (!(piece instanceof Uint8Array)) return push(piece, encoding);
      // The parser goes on to the end of its slice although the connection is closed.
      if (socket?.destroyed) return false;
      if (pieces !== null) pieces += 1;
      const exceeded = spend(Math.max(0, PIECE_BYTES - piece.length));
      onBody?.(piece);
      if (exceeded !== null) {
        socket?.destroy(exceeded);
        return false;
      }
      return push(piece, encoding);
    };
  });
  return { hasBegun: () => left < maxBytes };
}
