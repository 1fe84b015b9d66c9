import { setTimeout as wait } from 'node:timers/promises';
import type { FleetFault } from './fault.ts';

/** A fault that has happened; times of `Date.now()`. */
export type Struck = { name: string; at: number; wholeAt: number };

/** About how long the fleet needs after a repair until a new payment has gone all the way. */
const FLOWS_WITHIN_MS = 1_500;

/**
 * Strikes one fault after the other, round after round, while there is time for the next one. Resolves when the time is over and the fleet
 * is whole.
 *
 * @param input.untilFlows resolves when new payments go all the way again.
 * @returns what was struck, and how often each fault was: 0 for those for which there was no time.
 * @throws Error when something that was struck does not come back.
 */
export async function injectFaults(input: {
  faults: readonly FleetFault[];
  durationMs: number;
  untilFlows: () => Promise<void>;
  say: (text: string) => void;
}): Promise<{ struck: Struck[]; counts: Map<string, number> }> {
  const { faults, durationMs, untilFlows, say } = input;
  const endsAt = Date.now() + durationMs;
  const struck: Struck[] = [];
  const counts = new Map(faults.map(({ name }) => [name, 0]));
  await untilFlows();
  for (let n = 0; ; n += 1) {
    const fault = faults[n % faults.length];
    if (fault === undefined || Date.now() + fault.takesMs + FLOWS_WITHIN_MS > endsAt) break;
    const at = Date.now();
    await fault.strike();
    const wholeAt = Date.now();
    struck.push({ name: fault.name, at, wholeAt });
    counts.set(fault.name, (counts.get(fault.name) ?? 0) + 1);
    say(`${fault.name}: whole again after ${((wholeAt - at) / 1000).toFixed(1)} s`);
    await untilFlows();
  }
  await wait(Math.max(0, endsAt - Date.now()));
  return { struck, counts };
}
