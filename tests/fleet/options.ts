import { parseArgs } from 'node:util';
import { numberOf, oneOf, UsageError } from '../crash/arguments.ts';

const REDIS_KINDS = ['sentinel', 'cluster', 'single'] as const;
export type RedisKind = (typeof REDIS_KINDS)[number];
const POSTGRES_KINDS = ['standby', 'single'] as const;
export type PostgresKind = (typeof POSTGRES_KINDS)[number];

export type FleetOptions = {
  /** The duration of load and faults. The wait for the rest comes afterwards. */
  durationMs: number;
  /** Payments per second. */
  rate: number;
  redis: RedisKind;
  postgres: PostgresKind;
  seed: number;
  /** Only the faults whose names contain it; all when it is empty. */
  only: string;
};

/** The time in which every fault of the list is struck once. A run of this length in which one never was has failed. */
export const WHOLE_LIST_SECONDS = 200;

export const USAGE = `pnpm fleet [--seconds ${WHOLE_LIST_SECONDS}] [--rate 60] [--redis ${REDIS_KINDS.join('|')}] [--postgres ${POSTGRES_KINDS.join('|')}] [--seed N]
           --seconds ${WHOLE_LIST_SECONDS} and more strike every fault of the list: a run fails when one was never struck
           [--only TEXT]   only the faults whose names contain it
`;

/**
 * Reads the command line.
 *
 * @param args the arguments without node and the script.
 * @throws UsageError, TypeError naming the argument that is wrong.
 */
export function readOptions(args: readonly string[]): FleetOptions {
  const { values, positionals } = parseArgs({
    args: args.filter((argument) => argument !== '--'),
    options: {
      seconds: { type: 'string', default: String(WHOLE_LIST_SECONDS) },
      rate: { type: 'string', default: '60' },
      redis: { type: 'string', default: 'sentinel' },
      postgres: { type: 'string', default: 'standby' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
    allowPositionals: true,
  });
  if (positionals.length > 0) throw new UsageError(`'${positionals[0]}' is not an option`);
  return {
    durationMs: numberOf('seconds', values.seconds) * 1000,
    rate: numberOf('rate', values.rate),
    redis: oneOf('redis', values.redis, REDIS_KINDS),
    postgres: oneOf('postgres', values.postgres, POSTGRES_KINDS),
    seed: numberOf('seed', values.seed),
    only: values.only,
  };
}
