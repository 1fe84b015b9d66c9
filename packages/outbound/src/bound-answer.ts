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

/** Small while interim answers can come, each of which costs a call; larger for a body. */
const SLICE = { head: 1024, body: 8 * 1024 };
/** The parser goes on to the end of its slice although the bound is reached within it, so the slices become smaller as it comes nearer. */
const SLICES_LEFT = 16;
const SMALLEST_SLICE = 256;

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
 */
export function boundAnswer(request: ClientRequest, { maxBytes, onHead, onBody }: Bound): void {
  let left = maxBytes;
  let interim = 0;
  let response: IncomingMessage | undefined;
  let socket: Socket | undefined;

  const spend = (bytes: number): AnswerBoundError | null => {
    left -= bytes;
    return left >= 0 ? null : new AnswerBoundError(`the answer is larger than ${maxBytes / 1024} KiB`);
  };
  const reading: Reading = {
    ended: () => response?.complete === true,
    arrived: spend,
    slice: () =>
      response === undefined
        ? SLICE.head
        : Math.max(SMALLEST_SLICE, Math.min(SLICE.body, Math.floor(left / SLICES_LEFT))),
  };
  whenConnected(request, (meter, its) => {
    socket = its;
    meter.begin(reading);
    request.once('close', () => meter.end(reading));
  });
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
      const exceeded = spend(Math.max(0, PIECE_BYTES - piece.length));
      onBody?.(piece);
      if (exceeded !== null) {
        socket?.destroy(exceeded);
        return false;
      }
      return push(piece, encoding);
    };
  });
}
