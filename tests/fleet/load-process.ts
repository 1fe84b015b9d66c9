import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { startLoad } from '../crash/load.ts';
import type { Requested } from '../crash/records.ts';

export type LoadProcess = {
  /** Stops new payments; resolves with all requests when every client has its answer or has given up. @throws Error when the process has ended. */
  end(): Promise<readonly Requested[]>;
  /** Ends the process with its clients. */
  kill(): void;
};

/**
 * Starts the load in a process of its own: in the process that starts, stops and watches the engines, payments would be sent late. It ends
 * with our process.
 */
export function startLoadProcess(input: Parameters<typeof startLoad>[0]): LoadProcess {
  const child = fork(join(import.meta.dirname, 'load-main.ts'), {
    env: { TZ: 'UTC' },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(input);
  return {
    end() {
      return new Promise((resolve, reject) => {
        child.once('message', (requested) => resolve(requested as Requested[]));
        child.once('exit', () => reject(new Error('the process of the load has ended')));
        child.send('end', (error) => {
          if (error !== null) reject(error);
        });
      });
    },
    kill: () => child.kill('SIGKILL'),
  };
}
