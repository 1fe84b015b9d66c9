import { join } from 'node:path';
import { type AppName, type AppProcess, freePort, startApp } from '@emr-payments/stack';

export type ProcessName = 'api' | 'api-2' | 'worker' | 'worker-2' | 'sandbox' | 'receiver';

export type ProcessSpec = {
  app: AppName;
  /** In place of the app's own `main.ts`. */
  entry?: string;
  portVariable: 'PORT' | 'HEALTH_PORT';
  env: Readonly<Record<string, string>>;
};

export type Processes = {
  /** Starts one on a port of its own, which it keeps. */
  run(name: ProcessName, spec: ProcessSpec): Promise<AppProcess>;
  get(name: ProcessName): AppProcess;
  /** Kills all of them, frozen ones too. */
  killAll(): Promise<void>;
};

export const HOST = '127.0.0.1';

/**
 * @param input.folder for the logs.
 * @param input.onDeath hears of a process that ends although nobody told it to; it is started again.
 */
export function createProcesses(input: { folder: string; onDeath: (name: string) => void }): Processes {
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
        input.onDeath(`${name} (${signal ?? code})`);
        // A fault that ends may start it at the same time; then there is nothing left to do here.
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
