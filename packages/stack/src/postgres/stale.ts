import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { commandOf } from '../process-command.ts';

/**
 * The facts we use of postmaster.pid, which has pid, data folder, start time, port, …, and on line 8 the state of the
 * start.
 */
export type PostmasterFile = { pid: number; port: number; ready: boolean };

/** A server that takes connections: a primary, and a standby. */
const STARTED = new Set(['ready', 'standby']);

/** Reads the pid file of the server in this data folder; null when there is none that can be read. */
export function readPostmaster(data: string): PostmasterFile | null {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return { pid, port: Number(lines[3]), ready: STARTED.has(lines[7]?.trim() ?? '') };
}

/** Checks that the process is the server of this folder: after a reboot its id may belong to any other program. */
export function isServerOf(data: string, pid: number): boolean {
  const command = commandOf(pid);
  return command.includes('postgres') && command.includes(data);
}

/**
 * Stops a server whose parent, an earlier run, was killed. Its data are intact. Removes a pid file whose process is gone or
 * is not the server of this folder.
 *
 * @returns true when a server was running.
 */
export async function stopStaleServer(data: string): Promise<boolean> {
  const found = readPostmaster(data);
  if (found === null) return false;
  if (!isServerOf(data, found.pid)) {
    rmSync(join(data, 'postmaster.pid'), { force: true });
    return false;
  }
  process.kill(found.pid, 'SIGINT');
  const deadline = Date.now() + 20_000;
  while (isServerOf(data, found.pid)) {
    if (Date.now() > deadline)
      throw new Error(`the PostgreSQL of an earlier run (process ${found.pid}) did not stop`);
    await wait(50);
  }
  return true;
}
