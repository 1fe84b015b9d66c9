import type { Environment } from './machine/environment.ts';
import type { Finding } from './report/finding.ts';
import type { Size } from './report/write-results.ts';

export type PartContext = {
  environment: Environment;
  size: Size;
  /** One line on the terminal about what is being done. */
  say(text: string): void;
};

/** One part of the bench. @throws Error when something broke; a slow number is a finding. */
export type Part = (context: PartContext) => Promise<Finding[]>;
