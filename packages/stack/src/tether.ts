import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Waits for the end of its input, which comes with the death of the process that holds the other end, whatever
 * killed it, and then asks the child to stop. SIGINT is a quick clean stop for PostgreSQL and for our apps alike.
 */
const WATCH = 'trap "" INT TERM HUP; read -r _; kill -INT "$1" 2>/dev/null';

/**
 * Ties a child to this process: should this process die without a word (kill -9), the child is stopped. Children of
 * the stack run in process groups of their own, so nothing else would tell them.
 */
export function tether(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const watch = spawn('/bin/sh', ['-c', WATCH, 'tether', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watch.on('error', () => undefined);
  watch.unref();
  // Neither the watch nor its pipe keeps this process alive.
  (watch.stdin as Socket | null)?.unref();
  child.once('exit', () => watch.kill('SIGKILL'));
}
