import { rmSync } from 'node:fs';
import { check } from '../crash/check.ts';
import { collect } from '../crash/collect.ts';
import { crashedSessions } from '../crash/crashed-sessions.ts';
import { type Quiet, waitForQuiet } from '../crash/quiet.ts';
import type { Records } from '../crash/records.ts';
import type { Violation } from '../crash/rules.ts';
import { countConnections } from './count-connections.ts';
import { startFleet } from './fleet.ts';
import { injectFaults } from './inject-faults.ts';
import { type LoadProcess, startLoadProcess } from './load-process.ts';
import { type Effect, measureEffects } from './measure.ts';
import type { FleetOptions } from './options.ts';
import { allUp, planFaults } from './plan-faults.ts';
import { untilPaymentsFlow } from './until-payments-flow.ts';

export type FleetReport = {
  options: FleetOptions;
  effects: readonly Effect[];
  /** How often each fault of the list was struck; 0 when there was no time for it. */
  counts: ReadonlyMap<string, number>;
  records: Records;
  quiet: Quiet;
  violations: readonly Violation[];
  staleWrites: number;
};

/** After the faults, the remaining work counts as stuck when it has not decreased for this long. */
const STUCK_AFTER_MS = 90_000;

/** Does one run: load and faults, then a wait until all work is done, then the comparison of the records. */
export async function runFleet(
  options: FleetOptions & {
    /** The folder for data and logs. It is removed after a run without violations. */
    folder: string;
    /** Prints a line of progress. */
    say: (text: string) => void;
  },
): Promise<FleetReport> {
  const { folder, say, ...given } = options;
  const { durationMs, rate, seed } = given;
  const fleet = await startFleet({ ...given, folder });
  const connections = countConnections(() => fleet.postgres.ownerUrl);
  let load: LoadProcess | undefined;
  try {
    say(`${rate} payments a second for ${durationMs / 1000} s`);
    load = startLoadProcess({ apiUrls: [fleet.proxy.url], practices: fleet.practices, rate, seed });
    const faults = planFaults(fleet).filter(({ name }) => name.includes(given.only));
    const untilFlows = async () => {
      // First, because a request that had to wait for the repair is answered before HAProxy sends new ones.
      await allUp(fleet);
      await untilPaymentsFlow(() => fleet.postgres.ownerUrl, Date.now());
    };
    const { struck, counts } = await injectFaults({ faults, durationMs, untilFlows, say });
    const faultsEndedAt = Date.now();
    const requested = await load.end();
    say(`${requested.length} payments were requested; waiting until all are settled`);
    const databaseUrl = fleet.postgres.ownerUrl;
    const quiet = await waitForQuiet({
      databaseUrl,
      faultsEndedAt,
      stuckAfterMs: STUCK_AFTER_MS,
      withForeign: false,
    });
    const crashed = fleet.postgres.logFiles().flatMap(crashedSessions);
    const endedUnexpectedly = [...fleet.endedUnexpectedly, ...crashed];
    const records = await collect({ ...fleet, databaseUrl, endedUnexpectedly }, { requested });
    const violations = check(records);
    const effects = measureEffects({
      records,
      struck,
      connections: connections.counts,
      endedAt: faultsEndedAt,
    });
    const staleWrites = fleet.workerLogs().split('a stale claim changed nothing').length - 1;
    await connections.stop();
    await fleet.stop();
    if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
    return { options: given, effects, counts, records, quiet, violations, staleWrites };
  } catch (error) {
    load?.kill();
    await connections.stop();
    await fleet.stop();
    throw error;
  }
}
