import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';

/**
 * Shell script that waits until its standard input is closed and then stops the child. The operating system closes that pipe
 * when the parent ends, whatever killed it. SIGINT is a fast and clean stop for PostgreSQL and for our apps alike.
 */
const WATCH = 'trap "" INT TERM HUP; read -r _; kill -INT "$1" 2>/dev/null';

/**
 * Ties a child to this process: if this process is killed, even by kill -9, the child is stopped. The stack's children run
 * in their own process groups, so no signal to ours would reach them.
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
