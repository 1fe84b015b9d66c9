import type { Environment } from './machine/environment.ts';
import type { Finding } from './report/finding.ts';
import type { Size } from './report/write-results.ts';

export type PartContext = {
  environment: Environment;
  size: Size;
  /** Returns a number of payments, events or patients as it is; in the smoke test a hundredth of it. */
  few(count: number): number;
  /** Returns the seconds of a measurement as they are; in the smoke test a twentieth of them. */
  brief(seconds: number): number;
  /** Prints one line of progress. */
  say(text: string): void;
};

/** The `few` and `brief` of a run that measures. */
export const WHOLE = { few: (count: number) => count, brief: (seconds: number) => seconds };

/** Those of a run that only shows that everything works. Eight tenants get one payment each at least. */
export const TINY = {
  few: (count: number) => Math.max(8, Math.ceil(count / 800) * 8),
  brief: (seconds: number) => seconds / 20,
};

/** Runs one part of the bench. @throws Error when something broke. A slow result is a finding, not an error. */
export type Part = (context: PartContext) => Promise<Finding[]>;
