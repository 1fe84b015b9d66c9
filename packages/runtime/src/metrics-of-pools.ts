import type { Pool, PoolClient } from 'pg';
import { Gauge, Histogram, type Registry } from 'prom-client';

/** A pool of connections to PostgreSQL, by the name that its metrics have. */
export type WatchedPool = { name: string; pool: Pool };

const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 3];

/**
 * Adds metrics of pools: their connections and who waits for one, at each scrape, and how long statements had to wait. A statement that
 * finds an idle connection costs one comparison.
 */
export function addPoolMetrics(registry: Registry, pools: readonly WatchedPool[]): void {
  const registers = [registry];
  new Gauge({
    name: 'emr_payments_pool_connections',
    help: 'Connections of a pool to PostgreSQL: open and idle, open and in use, and the most that it may open.',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const { name, pool } of pools) {
        this.set({ pool: name, state: 'idle' }, pool.idleCount);
        this.set({ pool: name, state: 'used' }, pool.totalCount - pool.idleCount);
        this.set({ pool: name, state: 'most' }, pool.options.max ?? 0);
      }
    },
  });
  new Gauge({
    name: 'emr_payments_pool_waiting',
    help: 'Statements that wait for a connection of a pool.',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const { name, pool } of pools) this.set({ pool: name }, pool.waitingCount);
    },
  });
  const waits = new Histogram({
    name: 'emr_payments_pool_wait_seconds',
    help: 'Seconds that statements waited for a connection of a pool: those that found none idle, so also while one was opened.',
    labelNames: ['pool'],
    buckets: SECONDS,
    registers,
  });
  for (const { name, pool } of pools) {
    waits.zero({ pool: name });
    watchWaits(pool, (seconds) => waits.observe({ pool: name }, seconds));
  }
}

type Answer = (error: Error | undefined, client: PoolClient | undefined, release: () => void) => void;

/** Calls `onWait` with the length of each wait for a connection. A pool's `query` calls its `connect`, so that is the one place. */
function watchWaits(pool: Pool, onWait: (seconds: number) => void): void {
  const connect = pool.connect.bind(pool) as { (): Promise<PoolClient>; (answer: Answer): void };
  const watched = (answer?: Answer) => {
    const found = pool.idleCount > pool.waitingCount;
    if (found) return answer === undefined ? connect() : connect(answer);
    const since = performance.now();
    const note = () => onWait((performance.now() - since) / 1000);
    if (answer === undefined) return connect().finally(note);
    return connect((...given) => {
      note();
      answer(...given);
    });
  };
  pool.connect = watched as Pool['connect'];
}
