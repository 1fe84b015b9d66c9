import { spawn, spawnSync } from 'node:child_process';

/** A program with its arguments, started without a shell. */
export type Command = readonly [program: string, ...args: string[]];

export type Place = { folder: string; env?: Readonly<Record<string, string>> };

/** Enough for the first build of a client, which downloads and compiles its libraries. */
const WITHIN_MS = 15 * 60_000;

/**
 * Runs a command to its end.
 *
 * @returns what it printed.
 * @throws Error with the end of what it printed, when it fails or takes too long.
 */
export function run([program, ...args]: Command, { folder, env = {} }: Place): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: WITHIN_MS,
    });
    let out = '';
    let all = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
      all += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      all += chunk;
    });
    child.on('error', (cause) => reject(new Error(`${program} cannot be started`, { cause })));
    child.on('close', (code, signal) => {
      if (code === 0) resolve(out);
      else
        reject(
          new Error(
            `${program} ended with ${code ?? signal}:\n${all.trim().split('\n').slice(-25).join('\n')}`,
          ),
        );
    });
  });
}

/** True when a program is on the PATH. */
export function isFound(program: string): boolean {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' });
  return error === undefined;
}
