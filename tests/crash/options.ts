import { parseArgs } from 'node:util';
import type { Capability } from './records.ts';
import { SABOTAGE_NAMES, type SabotageName } from './sabotages.ts';

export type Options = {
  durationMs: number;
  seed: number;
  backends: readonly ('redis' | 'postgres')[];
  capabilities: readonly Capability[];
  rate: number;
  stuckAfterMs: number;
  sabotage: SabotageName | null;
  /** Runs all sabotages, or the named one, instead of a normal run, and fails when one is not caught. */
  prove: boolean;
};

export const CAPABILITIES = ['conditional-create', 'lookup', 'none'] as const;

export const USAGE = `pnpm crash [--seconds 60 | --minutes 10] [--seed N] [--rate 100] [--stuck-after-seconds 90]
           [--backend redis|postgres|both] [--capability conditional-create|lookup|none|all]
           [--sabotage ${SABOTAGE_NAMES.join('|')}] [--prove]
`;

/** Thrown for a wrong argument; the message names it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new UsageError(`--${name} takes a number, not '${text}'`);
  }
  return value;
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined) throw new UsageError(`--${name} takes one of ${allowed.join(', ')}`);
  return found;
}

/**
 * Reads the command line.
 *
 * @param args the arguments without node and the script.
 * @throws UsageError naming the argument that is wrong.
 */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      backend: { type: 'string', default: 'both' },
      capability: { type: 'string', default: 'all' },
      rate: { type: 'string', default: '100' },
      'stuck-after-seconds': { type: 'string', default: '90' },
      sabotage: { type: 'string' },
      prove: { type: 'boolean', default: false },
    },
  });
  const seconds =
    values.minutes === undefined
      ? numberOf('seconds', values.seconds ?? '60')
      : numberOf('minutes', values.minutes) * 60;
  const backend = oneOf('backend', values.backend, ['redis', 'postgres', 'both']);
  const capability = oneOf('capability', values.capability, [...CAPABILITIES, 'all']);
  return {
    durationMs: seconds * 1000,
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e9) : numberOf('seed', values.seed),
    backends: backend === 'both' ? ['redis', 'postgres'] : [backend],
    capabilities: capability === 'all' ? CAPABILITIES : [capability],
    rate: numberOf('rate', values.rate),
    stuckAfterMs: numberOf('stuck-after-seconds', values['stuck-after-seconds']) * 1000,
    sabotage: values.sabotage === undefined ? null : oneOf('sabotage', values.sabotage, SABOTAGE_NAMES),
    prove: values.prove,
  };
}
