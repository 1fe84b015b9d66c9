import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { runCommandLine } from '../command-line.ts';

export type RunOptions = { env: Record<string, string>; input?: string };

export type CliRun = {
  code: number;
  stdout: string;
  stderr: string;
  /** The one JSON document of a run with --json. */
  json<T = Record<string, unknown>>(): T;
};

const VARIABLES = [
  'DATABASE_URL',
  'REDIS_URL',
  'ENCRYPTION_KEYS',
  'ENCRYPTION_KEYS_FILE',
  'PUBLIC_URL',
  'SANDBOX_HOSTS',
];

function screen() {
  const written: string[] = [];
  return { write: (text: string) => written.push(text), text: () => written.join('') };
}

/**
 * Runs a command line in the process of the test: without the start of a process it takes milliseconds. Runs at the same
 * time must have the same environment.
 */
export async function runCli(args: readonly string[], { env, input = '' }: RunOptions): Promise<CliRun> {
  // An empty variable counts as not set.
  for (const name of VARIABLES) vi.stubEnv(name, env[name] ?? '');
  const [stdout, stderr] = [screen(), screen()];
  const terminal = { stdin: Readable.from([Buffer.from(input)]), stdout, stderr };
  const code = await runCommandLine({ terminal }, { argv: args });
  return {
    code,
    stdout: stdout.text(),
    stderr: stderr.text(),
    json: <T>() => JSON.parse(stdout.text()) as T,
  };
}

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/**
 * Starts `emr-payments` as a process with this environment and no other, in a time zone that no result may depend on; for
 * a test that writes to it or stops it.
 */
export function startProcess(args: readonly string[], env: Record<string, string>) {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { TZ: 'America/New_York', ...env },
  });
}

/** Runs `emr-payments` as a process and waits for its end. */
export async function runCliProcess(
  args: readonly string[],
  { env, input = '' }: RunOptions,
): Promise<CliRun> {
  const child = startProcess(args, env);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code: code ?? -1, stdout, stderr, json: <T>() => JSON.parse(stdout) as T };
}

/**
 * Runs `emr-payments` with its output where a shell's words say, such as `| true` for a pipe whose reader ends at once.
 *
 * @returns the exit code of `emr-payments`, and what was written past those words.
 */
export async function runInPipeline(
  args: readonly string[],
  where: string,
  env: Record<string, string>,
): Promise<Omit<CliRun, 'json'>> {
  // `true` is a command of bash itself, so no PATH is needed. bash keeps the exit code of each part of a pipeline.
  const script = `"$0" "$@" ${where}; exit "\${PIPESTATUS[0]}"`;
  const shell = spawn('/bin/bash', ['-c', script, process.execPath, MAIN, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(shell.stdout),
    text(shell.stderr),
    once(shell, 'exit') as Promise<[number | null]>,
  ]);
  return { code: code ?? -1, stdout, stderr };
}
