import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { commandOf } from '../process-command.ts';

/** postmaster.pid: pid, data folder, start time, port, …, and on line 8 how far the start is. */
export type PostmasterFile = { pid: number; port: number; ready: boolean };

/** What the server in this data folder says of itself; null when none has left word. */
export function readPostmaster(data: string): PostmasterFile | null {
  const path = join(data, 'postmaster.pid');
  if (!existsSync(path)) return null;
  const lines = readFileSync(path, 'utf8').split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
}

/** Whether the process of that number is the server of this folder: after a reboot the number may be anybody's. */
export function isServerOf(data: string, pid: number): boolean {
  const command = commandOf(pid);
  return command.includes('postgres') && command.includes(data);
}

/**
 * Stops a server that an earlier run left behind (that run was killed). What it left is a good database; only its
 * parent is gone. A pid file whose process is gone, or is not a server of this folder, is removed.
 *
 * @returns whether a server was running.
 */
export async function stopStaleServer(data: string, withinMs = 20_000): Promise<boolean> {
  const found = readPostmaster(data);
  if (found === null) return false;
  if (!isServerOf(data, found.pid)) {
    rmSync(join(data, 'postmaster.pid'), { force: true });
    return false;
  }
  process.kill(found.pid, 'SIGINT');
  const deadline = Date.now() + withinMs;
  while (isServerOf(data, found.pid)) {
    if (Date.now() > deadline)
      throw new Error(`the PostgreSQL of an earlier run (process ${found.pid}) does not stop`);
    await wait(50);
  }
  return true;
}
