import { fork } from 'node:child_process';
import { openSync } from 'node:fs';

/** The functions that a child process offers, by name. Each takes and returns one object. */
export type Commands = { readonly [name: string]: (input: never) => Promise<unknown> };

export type Child<C extends Commands> = {
  readonly pid: number;
  call<K extends keyof C & string>(name: K, input: Parameters<C[K]>[0]): Promise<Awaited<ReturnType<C[K]>>>;
  stop(): Promise<void>;
};

type Call = { id: number; name: string; input: unknown };
type Result = { id: number; output?: unknown; error?: string };

/**
 * Starts a file of the bench as a separate process. The child ends when this process ends, because its IPC channel closes.
 *
 * @param options.logFile the file for its output; standard error by default.
 */
export function startChild<C extends Commands>(file: string, options: { logFile?: string } = {}): Child<C> {
  const out = options.logFile === undefined ? 2 : openSync(options.logFile, 'a', 0o600);
  const child = fork(file, { env: { TZ: 'UTC' }, stdio: ['ignore', out, out, 'ipc'] });
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of pending.values())
        reject(new Error(`${file} ended (${signal ?? code}) during a call`));
      pending.clear();
      resolve();
    });
  });
  child.on('message', (message) => {
    const { id, output, error } = message as Result;
    const call = pending.get(id);
    pending.delete(id);
    if (error === undefined) call?.resolve(output);
    else call?.reject(new Error(error));
  });
  return {
    pid: child.pid ?? 0,
    call(name, input) {
      const call = Promise.withResolvers<unknown>();
      lastId += 1;
      pending.set(lastId, call);
      child.send({ id: lastId, name, input } satisfies Call);
      return call.promise as never;
    },
    async stop() {
      if (child.connected) child.disconnect();
      const killTimer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(killTimer);
    },
  };
}

/** Runs in the child: serves calls until the parent disconnects or ends, then calls `close` and exits. */
export function serveCommands(
  commands: Commands,
  close: () => Promise<unknown> = async () => undefined,
): void {
  process.on('message', async (message) => {
    const { id, name, input } = message as Call;
    let result: Result;
    try {
      const command = commands[name];
      if (command === undefined) throw new Error(`there is no command ${name}`);
      result = { id, output: await command(input as never) };
    } catch (error) {
      result = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    if (process.connected) process.send?.(result);
  });
  process.once('disconnect', () => {
    void close().finally(() => process.exit(0));
  });
}
