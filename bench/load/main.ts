import { serveCommands } from '../child.ts';
import { percentile } from '../report/statistics.ts';
import { paymentRequests, readRequests, type Target } from './requests.ts';
import { type LoadResult, type Pace, runLoad } from './run-load.ts';

export type LoadSummary = Omit<LoadResult, 'latencies'> & { p50: number; p99: number; max: number };
export type LoadOrder = {
  target: Target;
  connections: number;
  pace: Pace;
  /** `GET` of this path instead of posting payments. */
  read?: string;
  /** Keep when each payment was sent. */
  track?: boolean;
};

/** The load generator: a process of its own, so that it never waits for the bench's own work. */
const commands = {
  async run({ target, connections, pace, read, track = false }: LoadOrder): Promise<LoadSummary> {
    const next = read === undefined ? paymentRequests(target) : readRequests(target, read);
    const { host, port } = target;
    const { latencies, ...result } = await runLoad({ host, port, connections, pace, next, track });
    return {
      ...result,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      max: latencies.at(-1) ?? 0,
    };
  },
};
export type LoadCommands = typeof commands;

serveCommands(commands);
