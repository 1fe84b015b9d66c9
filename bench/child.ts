import { fork } from 'node:child_process';
import { openSync } from 'node:fs';

/** What a child process can be asked for, by name: one object in, one out. */
export type Commands = { readonly [name: string]: (input: never) => Promise<unknown> };

export type Child<C extends Commands> = {
  readonly pid: number;
  call<K extends keyof C & string>(name: K, input: Parameters<C[K]>[0]): Promise<Awaited<ReturnType<C[K]>>>;
  stop(): Promise<void>;
};

type Question = { id: number; name: string; input: unknown };
type Answer = { id: number; output?: unknown; error?: string };

/**
 * Starts a file of the bench as a process of its own. It ends with this one: its channel closes.
 *
 * @param options.logFile where its output goes; the terminal's standard error unless told.
 */
export function startChild<C extends Commands>(file: string, options: { logFile?: string } = {}): Child<C> {
  const out = options.logFile === undefined ? 2 : openSync(options.logFile, 'a', 0o600);
  const child = fork(file, { env: { TZ: 'UTC' }, stdio: ['ignore', out, out, 'ipc'] });
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      for (const { reject } of open.values())
        reject(new Error(`${file} ended (${signal ?? code}) while it was asked`));
      open.clear();
      resolve();
    });
  });
  child.on('message', (message) => {
    const { id, output, error } = message as Answer;
    const asked = open.get(id);
    open.delete(id);
    if (error === undefined) asked?.resolve(output);
    else asked?.reject(new Error(error));
  });
  return {
    pid: child.pid ?? 0,
    call(name, input) {
      const asked = Promise.withResolvers<unknown>();
      lastId += 1;
      open.set(lastId, asked);
      child.send({ id: lastId, name, input } satisfies Question);
      return asked.promise as never;
    },
    async stop() {
      if (child.connected) child.disconnect();
      const late = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(late);
    },
  };
}

/** The child's side: answers questions until the parent goes, then closes. */
export function serveCommands(
  commands: Commands,
  close: () => Promise<unknown> = async () => undefined,
): void {
  process.on('message', async (message) => {
    const { id, name, input } = message as Question;
    let answer: Answer;
    try {
      const command = commands[name];
      if (command === undefined) throw new Error(`there is no command ${name}`);
      answer = { id, output: await command(input as never) };
    } catch (error) {
      answer = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    if (process.connected) process.send?.(answer);
  });
  process.once('disconnect', () => {
    void close().finally(() => process.exit(0));
  });
}
