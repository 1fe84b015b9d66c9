import { Pool, type PoolClient } from 'pg';
import { type PostgresOptions, postgresConfig } from './postgres-client.ts';
import { watchForSilence } from './postgres-silence.ts';

export * from './postgres-silence.ts';

/** After a failure to open a further connection, the time until it is tried again. */
const REST_MS = 1_000;

/** How long a statement waits for the first connection of a pool that has a fallback. */
const FALL_BACK_AFTER_MS = 300;

/** pg-pool's error (index.js) for a request that has waited too long for one of the connections that there are. */
const WAITED = 'timeout exceeded when trying to connect';

/** With an error there is nothing to release: of a request that has waited too long, and of a pool that has ended, pg-pool gives no `release`. */
type Answer = (error: Error | undefined, client: PoolClient | undefined, release?: () => void) => void;

type Remove = (client: PoolClient, done?: () => void) => void;

const withoutConnection = new WeakSet<Error>();

/**
 * True for the error of a statement for which a pool of `openPool` had no connection, for whatever reason: it was not sent. Also for an error with
 * such a cause.
 */
export const hadNoConnection = (error: unknown): boolean =>
  error instanceof Error && (withoutConnection.has(error) || hadNoConnection(error.cause));

/**
 * A pool in which no statement depends on a new connection while there are others. pg's own opens one for the statement that finds all
 * in use, and where the server has no place for it, or PgBouncer keeps it waiting, that statement fails although one of the others is free
 * a millisecond later. Here a statement waits for whichever is free first, and new connections are opened beside.
 */
class ModestPool extends Pool {
  readonly #most: number;
  readonly #patienceMs: number;
  readonly #hasFallback: boolean;
  readonly #open = new Set<PoolClient>();
  /** How many are being opened beside. */
  #opening = 0;
  /** True while pg's pool is to open one, and not to wait. */
  #grows = false;
  /** Why no further one could be opened. */
  #refusal: Error | undefined;
  #rest: NodeJS.Timeout | undefined;
  /** While none is open: since when the first is being opened. */
  #noneSince: number | undefined;

  constructor(options: PostgresOptions, hasFallback: boolean) {
    super(postgresConfig(options));
    this.#most = this.options.max;
    this.#patienceMs = this.options.connectionTimeoutMillis ?? 0;
    this.#hasFallback = hasFallback;
    this.on('connect', (client) => {
      this.#open.add(client);
      this.#refusal = undefined;
      this.#noneSince = undefined;
      process.nextTick(() => this.#grow());
    });
    const inner = this as unknown as { _remove: Remove };
    const remove = inner._remove.bind(this);
    // pg's event comes when the connection has ended, and nothing is to wait for one that is ending.
    inner._remove = (client, done) => {
      this.#open.delete(client);
      remove(client, done);
    };
  }

  /** pg's pool asks this before it opens a connection for a statement: it does so where there is none to wait for, not even one that is being opened. */
  _isFull(): boolean {
    return this.totalCount >= this.#most || (this.totalCount > 0 && !this.#grows);
  }

  /** `query` takes its connection by this, too. */
  override connect(): Promise<PoolClient>;
  override connect(answer: Answer): void;
  override connect(answer?: Answer): Promise<PoolClient> | undefined {
    const take = this.#hasFallback ? this.#takeSoon.bind(this) : this.#take.bind(this);
    if (answer !== undefined) {
      take(answer);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      take((error, client) => (client === undefined ? reject(error) : resolve(client)));
    });
  }

  /**
   * While none is open, waits for the first one for 0.3 s, counted from when it began to be opened and not from this call: the fallback can run
   * the statement meanwhile.
   */
  #takeSoon(answer: Answer): void {
    if (this.#open.size > 0) {
      this.#take(answer);
      return;
    }
    let hasWaited = false;
    const giveUp = () => {
      hasWaited = true;
      const reason = this.#refusal ?? new Error(WAITED);
      withoutConnection.add(reason);
      answer(reason, undefined);
    };
    if (this.#rest !== undefined) {
      giveUp();
      return;
    }
    // None is being opened: this call does it.
    if (this.totalCount === 0) this.#noneSince = undefined;
    this.#noneSince ??= performance.now();
    const left = this.#noneSince + FALL_BACK_AFTER_MS - performance.now();
    if (left <= 0) {
      giveUp();
      return;
    }
    const timer = setTimeout(giveUp, left);
    this.#take((error, client, release) => {
      if (error !== undefined && this.#open.size === 0) {
        this.#noneSince = undefined;
        this.#stayAsItIs(error);
      }
      if (hasWaited) return release?.();
      clearTimeout(timer);
      answer(error, client, release);
    });
  }

  #take(answer: Answer, until = performance.now() + this.#patienceMs): void {
    super.connect((error, client, release) => {
      if (error === undefined) return answer(error, client, release);
      const hasWaited = error.message === WAITED;
      if (!hasWaited && !this.ending && this.#open.size > 0 && performance.now() < until) {
        this.#stayAsItIs(error);
        return this.#take(answer, until);
      }
      const reason = hasWaited ? (this.#refusal ?? error) : error;
      withoutConnection.add(reason);
      answer(reason, client, release);
    });
    // Once pg's pool has given away what is idle.
    if (this.waitingCount > this.idleCount) process.nextTick(() => this.#grow());
  }

  /**
   * Opens as many more as somebody waits for, once one is open: where the server has one place left, connections that are opened at the same
   * time can all be refused.
   */
  #grow(): void {
    while (
      this.#open.size > 0 &&
      this.idleCount === 0 &&
      this.waitingCount > this.#opening &&
      this.totalCount < this.#most &&
      this.#rest === undefined &&
      !this.ending
    )
      this.#openOne();
  }

  #openOne(): void {
    this.#opening += 1;
    this.#grows = true;
    super.connect((error, _client, release) => {
      this.#opening -= 1;
      if (error !== undefined) return this.#stayAsItIs(error);
      // To the statement that has waited longest.
      release?.();
    });
    this.#grows = false;
  }

  #stayAsItIs(reason: Error): void {
    this.#refusal = reason;
    this.#rest ??= setTimeout(() => {
      this.#rest = undefined;
      this.#grow();
    }, REST_MS).unref();
  }
}

/**
 * Opens a pool of connections as `postgresConfig` describes them. None is made before it is needed, and one that breaks is replaced when it is.
 * A statement for which there is none within `connectionTimeoutMillis` fails with the reason (`hadNoConnection`).
 *
 * @param use.hasFallback another pool (the fallback) runs the statements for which this one has no connection: while it has none at all, they fail after 0.3 s.
 */
export function openPool(
  options: PostgresOptions,
  { hasFallback = false }: { hasFallback?: boolean } = {},
): Pool {
  const pool = new ModestPool(options, hasFallback);
  pool.on('error', () => undefined);
  const { watch = watchForSilence() } = options;
  watch(pool);
  return pool;
}
