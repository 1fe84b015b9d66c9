import { join } from 'node:path';
import { type AppName, type AppProcess, freePort, startApp } from '@emr-payments/stack';

type Replicated = 'api' | 'worker';
export type ProcessName = Replicated | `${Replicated}-${number}` | 'sandbox' | 'foreign' | 'receiver';

/** Names the processes of one kind from 1: `api`, `api-2`, `api-3`. */
export const nthName = (kind: Replicated, n: number): ProcessName => (n === 1 ? kind : `${kind}-${n}`);

export type ProcessSpec = {
  app: AppName;
  /** A file to run instead of the app's own `main.ts`. */
  entry?: string;
  portVariable: 'PORT' | 'HEALTH_PORT';
  /** Gives it a second port, for its health routes. */
  withHealthPort?: true;
  env: Readonly<Record<string, string>>;
};

export type Processes = {
  /** Starts a process on free ports, which it keeps across restarts. */
  run(name: ProcessName, spec: ProcessSpec): Promise<AppProcess>;
  get(name: ProcessName): AppProcess;
  /** Kills all processes, including frozen ones. */
  killAll(): Promise<void>;
};

export const HOST = '127.0.0.1';

/**
 * Creates the set of processes, empty at first. A process that ends unexpectedly is restarted.
 *
 * @param input.folder the folder for the logs.
 * @param input.onUnexpectedEnd called with the name of a process that ended unexpectedly.
 */
export function createProcesses(input: {
  folder: string;
  onUnexpectedEnd: (name: string) => void;
}): Processes {
  const processes = new Map<ProcessName, AppProcess>();
  return {
    async run(name, { app, entry, portVariable, withHealthPort, env }) {
      const port = await freePort();
      const healthPort = withHealthPort ? await freePort() : null;
      const process = await startApp({
        app,
        entry,
        name,
        url: `http://${HOST}:${port}`,
        ...(healthPort === null ? {} : { healthUrl: `http://${HOST}:${healthPort}` }),
        logFile: join(input.folder, `${name}.log`),
        env: {
          HOST,
          [portVariable]: String(port),
          ...(healthPort === null ? {} : { HEALTH_PORT: String(healthPort) }),
          ...env,
        },
      });
      process.onCrash(({ code, signal }) => {
        input.onUnexpectedEnd(`${name} (${signal ?? code})`);
        // This fails when a fault that ends starts the process at the same time. Then it is running anyway.
        void process.start().catch(() => undefined);
      });
      processes.set(name, process);
      return process;
    },
    get(name) {
      const found = processes.get(name);
      if (found === undefined) throw new Error(`there is no process ${name}`);
      return found;
    },
    async killAll() {
      await Promise.all([...processes.values()].map((process) => process.kill()));
    },
  };
}
