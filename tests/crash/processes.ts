import { join } from 'node:path';
import { type AppName, type AppProcess, freePort, startApp } from '@emr-payments/stack';

export type ProcessName = 'api' | 'api-2' | 'worker' | 'worker-2' | 'sandbox' | 'foreign' | 'receiver';

export type ProcessSpec = {
  app: AppName;
  /** A file to run instead of the app's own `main.ts`. */
  entry?: string;
  portVariable: 'PORT' | 'HEALTH_PORT';
  env: Readonly<Record<string, string>>;
};

export type Processes = {
  /** Starts a process on a free port, which it keeps across restarts. */
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
    async run(name, { app, entry, portVariable, env }) {
      const port = await freePort();
      const process = await startApp({
        app,
        entry,
        name,
        url: `http://${HOST}:${port}`,
        logFile: join(input.folder, `${name}.log`),
        env: { HOST, [portVariable]: String(port), ...env },
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
