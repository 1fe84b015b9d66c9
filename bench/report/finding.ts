import { median } from './statistics.ts';

/** One line of the result. */
export type Finding = {
  what: string;
  /** The median, where there was more than one run. */
  value: number;
  unit: string;
  /** Smallest and largest of the runs. */
  spread?: readonly [number, number];
  /** What was aimed at. A goal that is missed is told, and is no error. */
  goal?: { atLeast: number } | { atMost: number };
};

/** One measure from several runs. */
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
