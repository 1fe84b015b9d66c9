import { parseArgs } from 'node:util';
import { adapterNames } from '@emr-payments/emr';
import { numberOf, oneOf, UsageError } from './arguments.ts';
import { SABOTAGE_NAMES, type SabotageName } from './proofs/sabotages.ts';
import type { Capability } from './records.ts';

export type Options = {
  durationMs: number;
  seed: number;
  backends: readonly ('redis' | 'postgres')[];
  capabilities: readonly Capability[];
  /** The adapters of a run on the sandbox's dialects, each in a run of its own; empty with capabilities. */
  adapters: readonly string[];
  rate: number;
  stuckAfterMs: number;
  /** The sabotages to prove instead of a random run; null for a random run. */
  prove: readonly SabotageName[] | null;
};

export const CAPABILITIES = ['conditional-create', 'lookup', 'none', 'foreign'] as const;

export const USAGE = `pnpm crash [--seconds 60 | --minutes 10] [--seed N] [--rate 100] [--stuck-after-seconds 90]
           [--backend redis|postgres|both] [--capability conditional-create|lookup|none|foreign|all]
           [--adapter NAME|all]   in place of --capability: practices of one adapter, at its dialect of the sandbox
pnpm crash --prove [NAME …] [--backend redis|postgres|both]
           NAME is one of ${SABOTAGE_NAMES.join(', ')}
`;

/**
 * Reads the command line.
 *
 * @param args the arguments without node and the script.
 * @throws UsageError naming the argument that is wrong.
 */
export function readOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      seed: { type: 'string' },
      backend: { type: 'string', default: 'both' },
      capability: { type: 'string', default: 'all' },
      adapter: { type: 'string' },
      rate: { type: 'string', default: '100' },
      'stuck-after-seconds': { type: 'string', default: '90' },
      prove: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  });
  const seconds =
    values.minutes === undefined
      ? numberOf('seconds', values.seconds ?? '60')
      : numberOf('minutes', values.minutes) * 60;
  if (positionals.length > 0 && !values.prove) throw new UsageError(`'${positionals[0]}' is not an option`);
  const names = positionals.map((name) => oneOf('prove', name, SABOTAGE_NAMES));
  const backend = oneOf('backend', values.backend, ['redis', 'postgres', 'both']);
  const adapter = values.adapter && oneOf('adapter', values.adapter, [...adapterNames, 'all']);
  const capability = oneOf('capability', values.capability, [...CAPABILITIES, 'all']);
  return {
    durationMs: seconds * 1000,
    seed: values.seed === undefined ? Math.floor(Math.random() * 1e9) : numberOf('seed', values.seed),
    backends: backend === 'both' ? ['redis', 'postgres'] : [backend],
    capabilities: capability === 'all' ? CAPABILITIES : [capability],
    adapters: adapter === undefined ? [] : adapter === 'all' ? adapterNames : [adapter],
    rate: numberOf('rate', values.rate),
    stuckAfterMs: numberOf('stuck-after-seconds', values['stuck-after-seconds']) * 1000,
    prove: values.prove ? (names.length === 0 ? SABOTAGE_NAMES : names) : null,
  };
}
