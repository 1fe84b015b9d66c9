import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export type CliRun = {
  code: number;
  stdout: string;
  stderr: string;
  /** The one JSON document of a run with --json. */
  json<T = Record<string, unknown>>(): T;
};

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Each run is a start from source: what Node has compiled once need not be compiled again. */
const NODE_COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compiled', import.meta.url));

/** Starts `emr-payments` with this environment and no other; for a test that feeds or stops it. */
export function startCli(args: readonly string[], env: Record<string, string>) {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { TZ: 'America/New_York', NODE_COMPILE_CACHE, ...env },
  });
}

/** Runs `emr-payments` as a process of its own, with this environment and no other, and waits for its end. */
export async function runCli(
  args: readonly string[],
  { env, input = '' }: { env: Record<string, string>; input?: string },
): Promise<CliRun> {
  const child = startCli(args, env);
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code: code ?? -1, stdout, stderr, json: <T>() => JSON.parse(stdout) as T };
}
