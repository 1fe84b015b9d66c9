import { setTimeout as wait } from 'node:timers/promises';
import type { FleetFault } from './fault.ts';

/** A fault that has happened; times of `Date.now()`. */
export type Struck = { name: string; at: number; wholeAt: number };

/** The fleet gets so long between two faults, so that what the measures show belongs to one of them. */
const BETWEEN_MS = 2_500;

/**
 * Strikes one fault after the other, round after round, while there is time for the next one. Resolves when the time is over and the fleet
 * is whole.
 *
 * @returns what was struck, and the names of the faults of the first round for which there was no time.
 * @throws Error when something that was struck does not come back.
 */
export async function injectFaults(input: {
  faults: readonly FleetFault[];
  durationMs: number;
  say: (text: string) => void;
}): Promise<{ struck: Struck[]; left: string[] }> {
  const { faults, durationMs, say } = input;
  const endsAt = Date.now() + durationMs;
  const struck: Struck[] = [];
  await wait(BETWEEN_MS);
  const left = [...faults];
  for (let n = 0; ; n += 1) {
    const fault = faults[n % faults.length];
    if (fault === undefined || Date.now() + fault.takesMs + BETWEEN_MS > endsAt) break;
    left.shift();
    const at = Date.now();
    await fault.strike();
    const wholeAt = Date.now();
    struck.push({ name: fault.name, at, wholeAt });
    say(`${fault.name}: whole again after ${((wholeAt - at) / 1000).toFixed(1)} s`);
    await wait(BETWEEN_MS);
  }
  await wait(Math.max(0, endsAt - Date.now()));
  return { struck, left: left.map(({ name }) => name) };
}
