import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BUILT } from '../build/built.ts';
import { commandOf } from '../process-command.ts';

/** The content of the lock file: process ids of `dev` and of the apps that it started. */
type Lock = { dev: number; apps: number[] };

function readLock(file: string): Lock | null {
  if (!existsSync(file)) return null;
  try {
    const { dev, apps } = JSON.parse(readFileSync(file, 'utf8')) as Partial<Lock>;
    return { dev: Number(dev), apps: Array.isArray(apps) ? apps.map(Number) : [] };
  } catch {
    return null;
  }
}

/** Writes the ids of this run's processes to the lock file. */
export function writeLock(file: string, apps: readonly number[]): void {
  writeFileSync(file, JSON.stringify({ dev: process.pid, apps: [...apps] } satisfies Lock), { mode: 0o600 });
}

export function removeLock(file: string): void {
  if (readLock(file)?.dev === process.pid) rmSync(file, { force: true });
}

const isDev = (pid: number): boolean => pid !== process.pid && /dev\.ts(\s|$)/.test(commandOf(pid));
const isApp = (pid: number): boolean => commandOf(pid).includes(join(BUILT, sep));

/**
 * Makes this process the only `dev` of its folder. Stops the apps that a killed run left behind and waits for them to end,
 * so that their ports are free.
 *
 * @returns the process id of another `dev` that runs in this folder, or null when the lock is ours.
 */
export async function takeLock(file: string): Promise<number | null> {
  const found = readLock(file);
  if (found !== null && isDev(found.dev)) return found.dev;
  writeLock(file, []);
  const left = (found?.apps ?? []).filter(isApp);
  for (const pid of left) process.kill(pid, 'SIGTERM');
  for (const deadline = Date.now() + 10_000; left.some(isApp); ) {
    if (Date.now() > deadline) {
      for (const pid of left.filter(isApp)) process.kill(pid, 'SIGKILL');
    }
    await wait(50);
  }
  return null;
}
