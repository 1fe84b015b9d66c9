import { spawn, spawnSync } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

/** Debian installs servers into a folder that is not on the PATH of every account. @returns undefined when there is no such program. */
export function findProgram(name: string, versionArgument: string): string | undefined {
  return [name, `/usr/sbin/${name}`].find(
    (file) => spawnSync(file, [versionArgument], { stdio: 'ignore' }).status === 0,
  );
}

const EVERY_MS = 20;

/**
 * Runs a server, and resolves when it is ready. It is killed when this process exits.
 *
 * @param input.isReady asked again and again; an error of it counts as false.
 * @returns a function that kills the server and resolves when it has ended.
 * @throws Error with the end of its standard error when it ends before it is ready, or is not ready in time.
 */
export async function launchServer(input: {
  file: string;
  args: readonly string[];
  isReady: () => Promise<boolean>;
  withinMs: number;
  options?: { cwd?: string; uid?: number; gid?: number };
}): Promise<() => Promise<void>> {
  const { file, args, isReady, withinMs, options } = input;
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let hasEnded = false;
  child.stderr.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-4_000);
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  }).then(() => {
    hasEnded = true;
    process.off('exit', kill);
  });
  const stop = async () => {
    kill();
    await ended;
  };
  for (const deadline = Date.now() + withinMs; !(await isReady().catch(() => false)); await wait(EVERY_MS)) {
    if (!hasEnded && Date.now() < deadline) continue;
    await stop();
    throw new Error(`${file} did not start:\n${said}`);
  }
  return stop;
}
