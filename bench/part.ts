import type { Environment } from './machine/environment.ts';
import type { Finding } from './report/finding.ts';
import type { Size } from './report/write-results.ts';

export type PartContext = {
  environment: Environment;
  size: Size;
  /** Prints one line of progress. */
  say(text: string): void;
};

/** Runs one part of the bench. @throws Error when something broke. A slow result is a finding, not an error. */
export type Part = (context: PartContext) => Promise<Finding[]>;
