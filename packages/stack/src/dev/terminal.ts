import { print } from '@emr-payments/runtime';
import type { Step } from '../start-stack.ts';

export function say(text: string): void {
  print('stdout', `${text}\n`);
}

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Prints the name of a step when it begins and, on the same line, how long it took when it ends. */
export const shownStep: Step = async (name, work) => {
  const since = performance.now();
  print('stdout', `  ${`${name} `.padEnd(34, '.')} `);
  try {
    const result = await work();
    say(seconds(since));
    return result;
  } catch (error) {
    say(`failed after ${seconds(since)}`);
    throw error;
  }
};
