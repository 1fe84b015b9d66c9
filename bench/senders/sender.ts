import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import type { Environment } from '../machine/environment.ts';
import { EVENT_BODY } from '../service/events.ts';

/** A service that sends webhooks, set up with one endpoint at the bench's receiver. */
export type Sender = {
  name: string;
  /** Its own processes, and those of stores that it alone uses. PostgreSQL and Redis are everybody's. */
  pids(): number[];
  /** Has `count` events accepted that nobody delivers yet, calls `accepted`, and lets them be delivered. @returns that moment, by the clock of the receiver. */
  release(run: string, count: number, accepted: () => void): Promise<number>;
  /** Has one event accepted, which is delivered at once. Its payload's payment id is `id`. Absent: payments are, whose events it sends. */
  accept?(id: string): Promise<void>;
  close(): Promise<void>;
};

export type Place = { environment: Environment; endpointUrl: string; secret: string };

/** The payload of each event: as ours, with an id of its own. */
export const payloadOf = (id: string) => JSON.parse(EVENT_BODY.replace('PAYMENT', id)) as object;

/** Calls a service by HTTP over a connection that is kept. @throws Error with its answer when that is no success. */
export async function call(
  url: string,
  { method, token, body }: { method: string; token: string; body?: object },
): Promise<Record<string, unknown>> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const sent = request(url, { method, headers });
  const answered = once(sent, 'response') as Promise<[IncomingMessage]>;
  sent.end(body === undefined ? undefined : JSON.stringify(body));
  const [answer] = await answered.catch((error: NodeJS.ErrnoException) => {
    // The service closed a connection that had no request, at the moment when this one was sent on it.
    if (error.code === 'ECONNRESET' && sent.reusedSocket) return [null] as const;
    throw error;
  });
  if (answer === null) return call(url, { method, token, ...(body === undefined ? {} : { body }) });
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) text += chunk;
  if ((answer.statusCode ?? 0) >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${text}`);
  return JSON.parse(text || '{}');
}

/** Does work for 0 to `count` - 1, 64 at a time. */
export async function sixtyFourAtOnce(count: number, one: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await one(next++);
  };
  await Promise.all(Array.from({ length: 64 }, worker));
}

export type Started = { pid: number; stop(): Promise<void> };

/** Starts a program of somebody else, and waits until its port answers; one without a port gets three seconds. Its output is in the folder of the run. */
export async function startProgram(
  { environment }: Place,
  order: {
    path: string;
    args?: string[];
    cwd?: string;
    env: Record<string, string>;
    port?: number;
    name: string;
  },
): Promise<Started> {
  const { name, port } = order;
  const logFile = join(environment.folder, `${name}.log`);
  const log = openSync(logFile, 'a', 0o600);
  const child: ChildProcess = spawn(order.path, order.args ?? [], {
    cwd: order.cwd,
    env: { PATH: process.env.PATH, ...order.env },
    stdio: ['ignore', log, log],
  });
  const ended = once(child, 'exit');
  const hasStarted = port === undefined ? () => pause(3_000, true) : () => isOpen(port);
  for (const until = nowMs() + 60_000; !(await hasStarted()); await pause(100))
    if (child.exitCode !== null || nowMs() > until) break;
  if (child.exitCode !== null || (port !== undefined && !(await isOpen(port))))
    throw new Error(`${name} has not started: ${readFileSync(logFile, 'utf8').slice(-1_000)}`);
  return {
    pid: child.pid ?? 0,
    async stop() {
      // One that stands still takes no signal.
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await Promise.race([ended, pause(10_000, undefined, { ref: false })]);
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, path: '/' }, (answer) => {
      answer.resume();
      resolve(true);
    });
    // A server that does not speak HTTP has answered too.
    sent.on('error', (error) => resolve((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'));
    sent.setTimeout(1_000, () => sent.destroy());
    sent.end();
  });

/** The `release` of a service whose deliverer is a process of its own: it stands still while the events are accepted. */
export const releaseBy =
  (deliverer: Started, accept: (id: string) => Promise<void>): Sender['release'] =>
  async (run, count, accepted) => {
    process.kill(deliverer.pid, 'SIGSTOP');
    await sixtyFourAtOnce(count, (n) => accept(`${run}-${n}`));
    // Some senders log accepted events in batches of a second. That work must not count as delivering.
    await pause(1_500);
    accepted();
    const releasedAt = nowMs();
    process.kill(deliverer.pid, 'SIGCONT');
    return releasedAt;
  };
