import { median } from './statistics.ts';

/** One row of the result. */
export type Finding = {
  what: string;
  /** The median of the runs. */
  value: number;
  unit: string;
  /** The smallest and the largest of several runs. */
  spread?: readonly [number, number];
  /** The goal. The table marks a missed goal; it is not an error. */
  goal?: { atLeast: number } | { atMost: number };
};

/** Makes one row from the values of several runs. */
export function findingOf(
  what: string,
  unit: string,
  runs: readonly number[],
  goal?: Finding['goal'],
): Finding {
  return {
    what,
    unit,
    value: median(runs),
    ...(runs.length > 1 ? { spread: [Math.min(...runs), Math.max(...runs)] } : {}),
    ...(goal === undefined ? {} : { goal }),
  };
}
