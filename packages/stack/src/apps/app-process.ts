import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { BUILT, ROOT } from '../build/built.ts';
import { tether } from '../tether.ts';
import { SMALL_PROCESS } from './small-process.ts';

export type AppName = 'api' | 'worker' | 'emr-sandbox' | 'webhook-inbox';

export type AppSpec = {
  app: AppName;
  /** A file to run in place of the app's own in `dist/`, which `buildApps` has made before. */
  entry?: string | undefined;
  /** Its name in messages, such as `worker-2`. */
  name: string;
  /** Its whole environment: it inherits none of ours. */
  env: Readonly<Record<string, string>>;
  /** The base URL under which it answers `/health/live`: `http://127.0.0.1:port`. */
  url: string;
  /** The base URL of `/metrics`, where that is another port. */
  healthUrl?: string | undefined;
  logFile: string;
};

export type AppEnd = { code: number | null; signal: NodeJS.Signals | null };

export type AppProcess = {
  readonly name: string;
  readonly url: string;
  readonly healthUrl: string;
  readonly logFile: string;
  /** The process id of the current run, or of the last one; it changes with every start. */
  readonly pid: number;
  readonly running: boolean;
  /** Starts it on the same port, unless it is running; resolves when it is ready. */
  start(): Promise<void>;
  /** Sends SIGTERM, then SIGKILL if it is still running after `withinMs`. Resolves when it has ended. */
  stop(withinMs?: number): Promise<AppEnd>;
  /** Sends a signal, SIGKILL by default as in a crash, and resolves when the process has ended. */
  kill(signal?: NodeJS.Signals): Promise<AppEnd>;
  /** Registers a listener for ends that neither `stop` nor `kill` caused. */
  onCrash(listener: (end: AppEnd) => void): void;
};

const APPS = join(ROOT, 'apps');
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 20_000;

/** Lines of a log that a failure shows. */
const SHOWN_LINES = 15;

/** Reads the last lines of a log, for an error message; '' when there is no log. */
export function endOfLog(logFile: string): string {
  if (!existsSync(logFile)) return '';
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}

async function isReady(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(2000) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

/**
 * Starts one of the apps, as the image has it, as a separate process and waits until it answers. The process has its own process
 * group, so Ctrl-C does not reach it and the stack can stop its parts in order. If our process is killed, it is stopped.
 *
 * @throws Error with the end of its log when it ends before it is ready, or is not ready within 60 s.
 */
export async function startApp(spec: AppSpec): Promise<AppProcess> {
  let child: ChildProcess | undefined;
  let ended: Promise<AppEnd> = Promise.resolve({ code: 0, signal: null });
  let running = false;
  let endExpected = false;
  const listeners: ((end: AppEnd) => void)[] = [];

  const start = async (): Promise<void> => {
    if (running) return;
    // It would be taken for the process that is started here, which then ends because its port is taken.
    if (await isReady(spec.url))
      throw new Error(`${spec.name} was not started: another process answers at ${spec.url}`);
    const log = openSync(spec.logFile, 'a', 0o600);
    const started = spawn(process.execPath, [spec.entry ?? join(BUILT, `${spec.app}.js`)], {
      cwd: join(APPS, spec.app),
      env: { TZ: 'UTC', ...SMALL_PROCESS, ...spec.env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    child = started;
    running = true;
    endExpected = false;
    tether(started);
    let ready = false;
    ended = new Promise((resolve) => {
      started.once('error', () => resolve({ code: null, signal: null }));
      started.once('exit', (code, signal) => resolve({ code, signal }));
    });
    void ended.then((end) => {
      running = false;
      if (ready && !endExpected) for (const listener of listeners) listener(end);
    });
    const deadline = Date.now() + READY_WITHIN_MS;
    while (!(await isReady(spec.url))) {
      if (!running) throw new Error(`${spec.name} did not start:\n${endOfLog(spec.logFile)}`);
      if (Date.now() > deadline) {
        endExpected = true;
        started.kill('SIGKILL');
        throw new Error(
          `${spec.name} was not ready after ${READY_WITHIN_MS / 1000} s:\n${endOfLog(spec.logFile)}`,
        );
      }
      await wait(25);
    }
    ready = true;
  };

  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<AppEnd> => {
    endExpected = true;
    if (running) child?.kill(signal);
    return ended;
  };

  await start();
  return {
    name: spec.name,
    url: spec.url,
    healthUrl: spec.healthUrl ?? spec.url,
    logFile: spec.logFile,
    get pid() {
      return child?.pid ?? 0;
    },
    get running() {
      return running;
    },
    start,
    kill,
    async stop(withinMs = STOP_WITHIN_MS) {
      const timer = setTimeout(() => child?.kill('SIGKILL'), withinMs);
      const end = await kill('SIGTERM');
      clearTimeout(timer);
      return end;
    },
    onCrash(listener) {
      listeners.push(listener);
    },
  };
}
