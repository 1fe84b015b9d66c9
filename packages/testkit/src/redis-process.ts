import { type ChildProcess, spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** A running redis-server. */
export type RedisProcess = { readonly pid: number; kill(): Promise<void> };

/** Returns the first line of an answer, or the text of a bulk string; undefined while a part of it is still to come. */
function answerIn(received: string): string | undefined {
  const [line = '', ...more] = received.split('\r\n');
  if (more.length === 0) return undefined;
  const length = /^\$(\d+)$/.exec(line)?.[1];
  if (length === undefined) return line;
  const text = more.join('\r\n').replace(/\r\n$/, '');
  return Buffer.byteLength(text) < Number(length) ? undefined : text;
}

/** Sends one inline command; resolves with the first line of the answer, or with the text of a bulk string such as that of `INFO`. */
export function sendCommand(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(`${text}\r\n`));
    socket.setTimeout(2000, () => socket.destroy(new Error('Redis did not answer in 2 s')));
    socket.once('error', reject);
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString();
      const answer = answerIn(received);
      if (answer === undefined) return;
      socket.end();
      resolve(answer);
    });
    socket.once('close', () => reject(new Error('Redis closed the connection')));
  });
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/**
 * Runs `redis-server` with these arguments, and resolves when it answers on the port. It is killed when this process exits.
 *
 * @throws Error when it does not answer within 10 s.
 */
export async function launchRedis({
  args,
  port,
}: {
  args: readonly string[];
  port: number;
}): Promise<RedisProcess> {
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  let spawnError: Error | undefined;
  server.on('error', (error) => {
    spawnError = error;
  });
  server.unref();
  const killServer = () => server.kill('SIGKILL');
  process.once('exit', killServer);
  server.once('exit', () => process.off('exit', killServer));
  for (const deadline = Date.now() + 10_000; ; ) {
    const answer = await sendCommand(port, 'PING').catch(() => '');
    // With a password it answers, too, and says that one is needed.
    if (answer === '+PONG' || answer.startsWith('-NOAUTH')) break;
    if (hasEnded(server) || Date.now() > deadline) {
      killServer();
      throw new Error('redis-server did not start', spawnError === undefined ? {} : { cause: spawnError });
    }
    await wait(10);
  }
  return {
    pid: server.pid ?? 0,
    async kill() {
      if (hasEnded(server)) return;
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.ref();
      killServer();
      await ended;
    },
  };
}

/** Repeats a look at the servers until it finds what it waits for. @throws Error after 30 s. */
export async function untilSeen(what: string, look: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; ; ) {
    if (await look().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error(`${what} was not seen within 30 s`);
    await wait(25);
  }
}
