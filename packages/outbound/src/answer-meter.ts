import type { Agent, ClientRequest } from 'node:http';
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** The far end sent more than one exchange reads. The connection is closed. */
export class AnswerBoundError extends Error {
  override name = 'AnswerBoundError';
  readonly code = 'ERR_ANSWER_BOUND';
}

/** Counts what one exchange reads from its connection. A method that returns an error ends the connection. */
export type Reading = {
  /** True once the final answer has come to its end: whatever comes after it belongs to no answer. */
  ended(): boolean;
  /** Bytes arrived for the HTTP parser. */
  arrived(bytes: number): AnswerBoundError | null;
  /** The bytes that the parser gets at once. What it finds in them is counted before it gets more. */
  slice(): number;
};

/**
 * Bytes that TLS may need by itself: certificates while connecting (OpenSSL takes 100 KiB of them), a renegotiation within an
 * exchange, tickets and alerts.
 */
const TLS_ITSELF = { connecting: 128 * 1024, connected: 64 * 1024, idle: 16 * 1024 };
/** For each byte of an answer, TLS may need so many more. A record of one byte needs 22. */
const TLS_FOR_A_BYTE = 2;
/** Most session tickets within one exchange. OpenSSL's servers send two when connecting; each costs us a call. */
const MOST_TICKETS = 32;
/** How often the bytes below TLS are counted, in milliseconds. No event announces them. */
const COUNT_BELOW_TLS_MS = { exchange: 20, idle: 500 };

/** Counts every byte that arrives on one connection, on behalf of the exchange that has it now. */
class Meter {
  readonly #socket: Socket;
  #reading: Reading | null = null;
  #tickets = 0;
  #watch: NodeJS.Timeout | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    const push = socket.push.bind(socket);
    // Node hands over what it has read with `push`, decrypted where there is TLS, before any listener sees it.
    socket.push = (chunk: unknown, encoding?: BufferEncoding): boolean =>
      chunk instanceof Uint8Array ? this.#pass(chunk, push) : push(chunk, encoding);
    if (socket instanceof TLSSocket) this.#watchTickets(socket);
    this.#watchTls({ most: TLS_ITSELF.connecting, everyMs: COUNT_BELOW_TLS_MS.exchange });
  }

  /** Gives the connection to an exchange. Until `end`, what arrives is its answer. */
  begin(reading: Reading): void {
    this.#reading = reading;
    const most = this.#socket.bytesRead === 0 ? TLS_ITSELF.connecting : TLS_ITSELF.connected;
    this.#watchTls({ most, everyMs: COUNT_BELOW_TLS_MS.exchange });
  }

  /** The exchange is over. From now on no byte may arrive. */
  end(reading: Reading): void {
    if (this.#reading !== reading) return;
    this.#reading = null;
    this.#watchTls({ most: TLS_ITSELF.idle, everyMs: COUNT_BELOW_TLS_MS.idle });
  }

  #pass(chunk: Uint8Array, push: (slice: Uint8Array) => boolean): boolean {
    let wantsMore = true;
    for (let from = 0; from < chunk.length; ) {
      const reading = this.#reading;
      // No answer is awaited: the next exchange must not take these bytes for its own, and nobody has to read them.
      if (reading === null || reading.ended()) {
        this.#socket.destroy();
        return false;
      }
      const slice = chunk.subarray(from, from + reading.slice());
      from += slice.length;
      const exceeded = reading.arrived(slice.length);
      if (exceeded !== null) this.#socket.destroy(exceeded);
      // True of a connection that the parser closed because of the slice before, too.
      if (this.#socket.destroyed) return false;
      wantsMore = push(slice);
    }
    return wantsMore && !this.#socket.destroyed;
  }

  /**
   * Bounds, from now on, what TLS reads without handing over a byte: hello requests within a handshake, which OpenSSL skips
   * without end (RFC 5246, 7.4.1.1), renegotiations, key updates, records of one byte.
   */
  #watchTls({ most, everyMs }: { most: number; everyMs: number }): void {
    const socket = this.#socket;
    clearInterval(this.#watch);
    if (!(socket instanceof TLSSocket) || socket.destroyed) return;
    this.#tickets = 0;
    const before = bytesOf(socket);
    this.#watch = setInterval(() => {
      if (socket.destroyed) return clearInterval(this.#watch);
      const { all, decrypted } = bytesOf(socket);
      const forAnswer = (1 + TLS_FOR_A_BYTE) * (decrypted - before.decrypted);
      if (all - before.all > most + forAnswer) socket.destroy(tooMuchTls());
    }, everyMs).unref();
  }

  #watchTickets(socket: TLSSocket): void {
    socket.on('session', () => {
      this.#tickets += 1;
      if (this.#tickets > MOST_TICKETS) socket.destroy(tooMuchTls());
    });
  }
}

/** `bytesRead` of a TLS socket counts what was decrypted. Only its handle's parent, the TCP connection, counts all. */
function bytesOf(socket: TLSSocket): { all: number; decrypted: number } {
  const { _handle: handle } = socket as { _handle?: { _parent?: { bytesRead?: number } } | null };
  return { all: handle?._parent?.bytesRead ?? 0, decrypted: socket.bytesRead };
}

const tooMuchTls = () => new AnswerBoundError('TLS took more bytes than a connection needs');

const meters = new WeakMap<Socket, Meter>();

/** Returns the meter of a connection. It is made once, and lives as long as the connection. */
function meterOf(socket: Socket): Meter {
  const meter = meters.get(socket) ?? new Meter(socket);
  meters.set(socket, meter);
  return meter;
}

/**
 * Makes an agent meter its connections from their first byte, so that one on which no exchange is under way is closed when
 * bytes arrive. `boundAnswer` meters a connection of any other agent from its first exchange.
 */
export function meterConnections<A extends Agent>(agent: A): A {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) => {
    const socket = create(options, callback);
    if (socket instanceof Socket) meterOf(socket);
    return socket;
  };
  return agent;
}

/** Calls `use` with the meter of the connection that a request gets. */
export function whenConnected(request: ClientRequest, use: (meter: Meter, socket: Socket) => void): void {
  const take = (socket: Socket) => use(meterOf(socket), socket);
  if (request.socket !== null) take(request.socket);
  else request.once('socket', take);
}
