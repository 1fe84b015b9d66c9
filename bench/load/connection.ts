import { connect } from 'node:net';

export type Reply = { status: number; body: string };

export type Connection = {
  /** Sends one complete HTTP request and calls `done` with the whole answer. Only one request may be open at a time. */
  send(request: string, done: (reply: Reply) => void): void;
  close(): void;
};

const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i;

/**
 * Opens a keep-alive HTTP/1.1 connection. It is written by hand because the generator shares the machine with the server that
 * it measures, and a general client would use much of the processor. It understands only answers with a content-length,
 * which the servers under test send.
 *
 * @param options.onBroken called on a socket error or an answer that cannot be parsed: the run is then invalid.
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

    const fail = (error: Error) => {
      if (!open) return;
      open = false;
      socket.destroy();
      reject(error);
      options.onBroken(error);
    };
    socket.setEncoding('latin1');
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the server closed the connection')));
    socket.on('data', (chunk) => {
      received += chunk;
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const length = LENGTH.exec(received.slice(0, headEnd + 2));
      if (length === null) return fail(new Error('the server sent an answer without content-length'));
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
