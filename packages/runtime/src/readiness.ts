import type { QueueTrouble } from './queue-trouble.ts';
import { within } from './within.ts';

/** Why PostgreSQL cannot be used now. A closed list: the answers of `/health/ready` are public and name no host and no user. */
export const POSTGRES_TROUBLES = [
  /** No connection, no answer in time, or a commit that does not become durable. */
  'postgres_unreachable',
  /** It takes no further connection, and none that works is open. */
  'postgres_full',
  /** It answers and cannot write: a standby, or a server that was switched to read-only. */
  'postgres_read_only',
  /** It refuses our login, our database, or the right to write payments. */
  'postgres_refused',
  /** The clocks of this process and of PostgreSQL differ by more than an hour. */
  'clock_wrong',
  /** Migrations that this version needs have not been applied, or not to their end. A newer schema is no trouble. */
  'schema_behind',
] as const;

export type PostgresTrouble = (typeof POSTGRES_TROUBLES)[number];

export type Trouble = PostgresTrouble | QueueTrouble;

/** Each check resolves with its trouble, or with null when there is none. One that rejects or is late counts as unreachable. */
export type ReadinessChecks = {
  postgres(): Promise<PostgresTrouble | null>;
  queue(): Promise<QueueTrouble | null>;
};

/** The body of `/health/ready` of API and worker. `OwnTrouble` is what only the one of them can have. */
export type Readiness<OwnTrouble extends string = never> = {
  status: 'ok' | 'degraded' | 'unavailable' | 'stopping';
  postgres: 'up' | 'down';
  schema: 'current' | 'behind' | 'unknown';
  queue: 'up' | 'down';
  reasons: (Trouble | OwnTrouble)[];
};

export type ReadinessReader<OwnTrouble extends string = never> = { read(): Promise<Readiness<OwnTrouble>> };

type Found = { postgres: PostgresTrouble | null; queue: QueueTrouble | null };

/** True when the process should get work: HTTP status 200, otherwise 503. */
export const isReady = ({ status }: Pick<Readiness, 'status'>): boolean =>
  status === 'ok' || status === 'degraded';

/**
 * Reads the readiness of a process. Probes that come together share one round of checks, and one that comes within `reuseMs`
 * of its end gets its result: no number of probes can load PostgreSQL or the queue. `stopping` and `ownTrouble` are never out of date.
 *
 * @param deps.ownTrouble what keeps this process from its work although PostgreSQL can be used; null when nothing does.
 * @param options.needsQueue true for a process that can do nothing without the queue. Otherwise it is only `degraded`.
 * @param options.withinMs bound of each check.
 */
export function createReadiness<OwnTrouble extends string = never>(
  {
    checks,
    stopping,
    ownTrouble = () => null,
  }: { checks: ReadinessChecks; stopping: () => boolean; ownTrouble?: () => OwnTrouble | null },
  options: { needsQueue: boolean; withinMs: number; reuseMs: number },
): ReadinessReader<OwnTrouble> {
  let latest: Promise<Found> | undefined;
  let reusableUntil = Number.POSITIVE_INFINITY;

  const look = async (): Promise<Found> => {
    const [postgres, queue] = await Promise.all([
      within(options.withinMs, checks.postgres()).catch((): PostgresTrouble => 'postgres_unreachable'),
      within(options.withinMs, checks.queue()).catch((): QueueTrouble => 'queue_unreachable'),
    ]);
    reusableUntil = performance.now() + options.reuseMs;
    return { postgres, queue };
  };

  return {
    async read() {
      if (latest === undefined || performance.now() >= reusableUntil) {
        reusableUntil = Number.POSITIVE_INFINITY;
        latest = look();
      }
      const { postgres, queue } = await latest;
      const behind = postgres === 'schema_behind';
      const own = postgres === null ? ownTrouble() : null;
      const unavailable = postgres !== null || own !== null || (options.needsQueue && queue !== null);
      const works = unavailable ? 'unavailable' : queue === null ? 'ok' : 'degraded';
      return {
        status: stopping() ? 'stopping' : works,
        postgres: postgres === null || behind ? 'up' : 'down',
        schema: behind ? 'behind' : postgres === null ? 'current' : 'unknown',
        queue: queue === null ? 'up' : 'down',
        reasons: [postgres, own, queue].filter((trouble) => trouble !== null),
      };
    },
  };
}
