import { rmSync } from 'node:fs';
import { allAtWork } from './all-at-work.ts';
import { check } from './check.ts';
import { startCluster } from './cluster.ts';
import { collect } from './collect.ts';
import { crashedSessions } from './crashed-sessions.ts';
import { countShapes } from './foreign/count-shapes.ts';
import { type Injection, injectFaults } from './inject-faults.ts';
import { type Load, startLoad } from './load.ts';
import { missAndRecover } from './miss-and-recover.ts';
import { planFaults } from './plan-faults.ts';
import { type Quiet, waitForQuiet } from './quiet.ts';
import type { Capability, Records, ShapeCount } from './records.ts';
import type { Violation } from './rules.ts';

export type RunOptions = {
  seed: number;
  /** The duration of load and faults. The wait for the rest comes afterwards. */
  durationMs: number;
  backend: 'redis' | 'postgres';
  /** Assigned to the practices in turn. */
  capabilities: readonly Capability[];
  /** Adapters whose practices take part, at the sandbox's dialects; empty with capabilities. */
  adapters: readonly string[];
  /** Payments per second. */
  rate: number;
  /** After the faults, the remaining work counts as stuck when it has not decreased for this long. */
  stuckAfterMs: number;
  /** The folder for data and logs. It is removed after a run without violations. */
  folder: string;
  /** Prints a line of progress. */
  say: (text: string) => void;
};

export type RunReport = {
  options: Pick<RunOptions, 'seed' | 'durationMs' | 'backend' | 'capabilities' | 'adapters' | 'rate'>;
  injections: readonly Injection[];
  records: Records;
  quiet: Quiet;
  violations: readonly Violation[];
  /** How the foreign EMR answered, shapes that it never answered included; empty without it. */
  shapes: readonly ShapeCount[];
  /** The number of writes by stale claims. The fence made sure that they changed nothing. */
  staleWrites: number;
};

/** Does one run: load and faults, then a wait until all work is done, then the comparison of the records. */
export async function runCrash(options: RunOptions): Promise<RunReport> {
  const { seed, durationMs, backend, capabilities, adapters, rate, folder, say } = options;
  const withRedis = backend === 'redis';
  const withForeign = capabilities.includes('foreign');
  const plan = planFaults({ seed, durationMs, withRedis, withForeign });
  const cluster = await startCluster({ folder, withRedis, capabilities, adapters, seed });
  let load: Load | undefined;
  try {
    say(`${plan.length} faults and ${rate} payments a second for ${durationMs / 1000} s`);
    load = startLoad({
      apiUrls: cluster.apis.map(({ url }) => url),
      practices: cluster.practices,
      rate,
      seed,
    });
    const recovering = missAndRecover(cluster, { durationMs });
    // It is awaited below; until then a failure must not end the process.
    recovering.catch(() => undefined);
    const injections = await injectFaults(cluster, plan);
    const faultsEndedAt = Date.now();
    say(
      `all faults are over; ${load.requested.length} payments were requested; waiting until all are settled`,
    );
    const idle = await allAtWork(cluster, options.stuckAfterMs);
    await load.end();
    say(await recovering);
    const quiet = await waitForQuiet({
      databaseUrl: cluster.postgres.url,
      faultsEndedAt,
      stuckAfterMs: options.stuckAfterMs,
      withForeign,
    });
    const records = await collect(
      {
        ...cluster,
        databaseUrl: cluster.postgres.url,
        endedUnexpectedly: [...cluster.endedUnexpectedly, ...crashedSessions(cluster.postgres.logFile)],
      },
      { requested: load.requested },
    );
    const violations = [...check(records), ...idle];
    const shapes = withForeign ? countShapes(cluster.foreignFile) : [];
    const staleWrites = cluster.workerLogs().split('a stale claim changed nothing').length - 1;
    await cluster.stop();
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
    return {
      options: { seed, durationMs, backend, capabilities, adapters, rate },
      injections,
      records,
      quiet,
      violations,
      shapes,
      staleWrites,
    };
  } catch (error) {
    load?.stop();
    await cluster.stop();
    throw error;
  }
}
