import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export type SandboxProcess = {
  pid: number;
  port: number;
  /** `http://127.0.0.1:port`, the base of the page and of `/sandbox/…`. */
  baseUrl: string;
  /** The FHIR R5 base URL. */
  fhirUrl: string;
  /** Sends SIGTERM and waits until the process has ended. @returns its exit code; null when a signal has ended it. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL and waits until the process has ended. */
  kill(): Promise<number | null>;
};

const ROOT = new URL('../../../', import.meta.url);
const MAIN = fileURLToPath(new URL('dist/emr-sandbox.js', ROOT));
/** Where the processes of a local stack keep what Node has compiled, too: half of the processor time of a start. */
export const COMPILED = fileURLToPath(new URL('node_modules/.cache/compiled', ROOT));

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }
  return child.exitCode;
}

/** Resolves with the port from the log line `listening`; rejects with the error output if the process ends before that line. */
function listening(child: ChildProcessByStdio<null, Readable, Readable>): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr.on('data', (text: Buffer) => {
      output = `${output}${text}`.slice(-2000);
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`the sandbox did not start: ${output}`)));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = text.startsWith('{') ? (JSON.parse(text) as { msg?: string; port?: number }) : {};
      if (line.msg === 'listening' && line.port !== undefined) resolve(line.port);
    });
  });
}

/**
 * Starts the EMR sandbox as a separate process. Resolves when it listens.
 *
 * @param port the port to listen on; 0, the default, takes a free one.
 * @param env additional environment variables, such as SANDBOX_TOKEN.
 */
export async function startSandbox({
  ledgerFile,
  port = 0,
  env = {},
}: {
  ledgerFile: string;
  port?: number;
  env?: Record<string, string>;
}): Promise<SandboxProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PORT: String(port), LEDGER_FILE: ledgerFile, NODE_COMPILE_CACHE: COMPILED, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const taken = await listening(child);
  const baseUrl = `http://127.0.0.1:${taken}`;
  return {
    pid: child.pid ?? 0,
    port: taken,
    baseUrl,
    fhirUrl: `${baseUrl}/fhir`,
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}
