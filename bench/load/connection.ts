import { connect } from 'node:net';

export type Reply = { status: number; body: string };

export type Connection = {
  /** Sends one request, written out in full, and calls back with its whole answer. One at a time. */
  send(request: string, done: (reply: Reply) => void): void;
  close(): void;
};

const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

/**
 * One kept-alive HTTP/1.1 connection, written by hand: on a machine that the generator shares with what it measures, a
 * general client would take a good part of the processor. It understands answers with a content-length, which is what
 * the servers under test send.
 *
 * @param options.onBroken an error of the socket or an answer that is not understood: the run is worthless then.
 */
export function openConnection(options: {
  host: string;
  port: number;
  onBroken: (error: Error) => void;
}): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: options.host, port: options.port, noDelay: true });
    let received = '';
    let waiting: ((reply: Reply) => void) | null = null;
    let open = true;

    const broken = (error: Error) => {
      if (!open) return;
      open = false;
      socket.destroy();
      reject(error);
      options.onBroken(error);
    };
    socket.setEncoding('latin1');
    socket.on('error', broken);
    socket.on('close', () => broken(new Error('the server closed the connection')));
    socket.on('data', (chunk) => {
      received += chunk;
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const length = LENGTH.exec(received.slice(0, headEnd + 2));
      if (length === null) return broken(new Error('an answer without content-length'));
      const end = headEnd + 4 + Number(length[1]);
      if (received.length < end) return;
      const reply = { status: Number(received.slice(9, 12)), body: received.slice(headEnd + 4, end) };
      received = received.slice(end);
      const done = waiting;
      waiting = null;
      done?.(reply);
    });
    socket.once('connect', () =>
      resolve({
        send(request, done) {
          waiting = done;
          socket.write(request, 'latin1');
        },
        close() {
          open = false;
          socket.destroy();
        },
      }),
    );
  });
}
