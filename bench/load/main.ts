import { serveCommands } from '../child.ts';
import { percentile } from '../report/statistics.ts';
import { paymentRequests, readRequests, type Target } from './requests.ts';
import { type LoadResult, type Pace, runLoad } from './run-load.ts';

export type LoadSummary = Omit<LoadResult, 'latencies'> & { p50: number; p99: number; max: number };
export type LoadOrder = {
  target: Target;
  connections: number;
  pace: Pace;
  /** Sends `GET` requests for this path instead of payments. */
  read?: string;
  /** Returns the time at which each payment was due. */
  track?: boolean;
};

/** The load generator, in a separate process so that the bench's own work does not delay it. */
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
