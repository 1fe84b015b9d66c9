import type { Environment } from './machine/environment.ts';
import { median } from './report/statistics.ts';

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

/** How much to run: `quick` shows that everything works, `full` takes its time where more data tells more. */
export type Size = 'quick' | 'usual' | 'full';

export type PartContext = {
  environment: Environment;
  size: Size;
  /** One line on the terminal about what is being done. */
  say(text: string): void;
};

/** One part of the bench. @throws Error when something broke; a slow number is a finding. */
export type Part = (context: PartContext) => Promise<Finding[]>;

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
