import { rmSync } from 'node:fs';
import { check } from './check.ts';
import { startCluster } from './cluster.ts';
import { collect } from './collect.ts';
import { type Injection, injectFaults } from './inject-faults.ts';
import { startLoad } from './load.ts';
import { planFaults } from './plan-faults.ts';
import { type Quiet, waitForQuiet } from './quiet.ts';
import type { Capability, Records } from './records.ts';
import type { Violation } from './rules.ts';
import type { SabotageName } from './sabotages.ts';

export type RunOptions = {
  seed: number;
  /** Of load and faults; the quiet comes on top. */
  durationMs: number;
  backend: 'redis' | 'postgres';
  /** Given to the practices in turn. */
  capabilities: readonly Capability[];
  /** Payments a second. */
  rate: number;
  /** Once the faults are over: what is left counts as stuck when it has not become less for so long. */
  stuckAfterMs: number;
  sabotage: SabotageName | null;
  /** For data and logs; removed at the end of a run without a violation. */
  folder: string;
  /** Hears of each step. */
  say: (text: string) => void;
};

export type RunReport = {
  options: Pick<RunOptions, 'seed' | 'durationMs' | 'backend' | 'capabilities' | 'rate' | 'sabotage'>;
  injections: readonly Injection[];
  records: Records;
  quiet: Quiet;
  violations: readonly Violation[];
  /** Writes of claims that had passed on, which changed nothing: the fence at work. */
  staleWrites: number;
};

/** One run: load and faults, then quiet, then the comparison of the records. */
export async function runCrash(options: RunOptions): Promise<RunReport> {
  const { seed, durationMs, backend, capabilities, rate, sabotage, folder, say } = options;
  const withRedis = backend === 'redis';
  const plan = planFaults({ seed, durationMs, withRedis });
  const cluster = await startCluster({ folder, withRedis, capabilities, sabotage });
  try {
    say(`${plan.length} faults and ${rate} payments a second for ${durationMs / 1000} s`);
    const load = startLoad({
      apiUrls: [cluster.process('api').url, cluster.process('api-2').url],
      practices: cluster.practices,
      rate,
      seed,
    });
    const injections = await injectFaults(cluster, plan);
    const faultsEndedAt = Date.now();
    say(`all faults are over; ${load.asked.length} payments were asked for; waiting until all is settled`);
    await load.end();
    const quiet = await waitForQuiet({
      databaseUrl: cluster.postgres.url,
      faultsEndedAt,
      stuckAfterMs: options.stuckAfterMs,
    });
    const records = await collect(cluster, load.asked);
    const violations = check(records);
    const staleWrites = cluster.workerLogs().split('a stale claim changed nothing').length - 1;
    await cluster.stop();
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
    return {
      options: { seed, durationMs, backend, capabilities, rate, sabotage },
      injections,
      records,
      quiet,
      violations,
      staleWrites,
    };
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}
