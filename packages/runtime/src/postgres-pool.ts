import { Pool, type PoolClient } from 'pg';
import { type PostgresOptions, postgresConfig } from './postgres-client.ts';

/** The server takes no further connection (of all, of this database's, or of this role's), or the bound of the pool's sessions allows none. */
const NO_FURTHER = new Set(['53300', '53000']);

/** After a refusal, the time in which no further connection is tried. */
const REFUSED_FOR_MS = 1_000;

const isRefused = (error: Error): boolean => NO_FURTHER.has(String((error as { code?: unknown }).code));

type Answer = (error: Error | undefined, client: PoolClient | undefined, release: () => void) => void;

/**
 * A pool that can do with the connections that it has. pg's own opens one whenever all are in use, and where the server has no place for it,
 * the statement fails although it could wait a millisecond for one of the others.
 */
class ModestPool extends Pool {
  readonly #most = this.options.max;
  readonly #open = new Set<PoolClient>();
  #growsAgain: NodeJS.Timeout | undefined;

  constructor(options: PostgresOptions) {
    super(postgresConfig(options));
    this.on('connect', (client) => this.#open.add(client));
    this.on('remove', (client) => this.#open.delete(client));
  }

  /** `query` takes its connection by this, too. */
  override connect(): Promise<PoolClient>;
  override connect(answer: Answer): void;
  override connect(answer?: Answer): Promise<PoolClient> | undefined {
    if (answer !== undefined) {
      this.#take(answer);
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#take((error, client) => (client === undefined ? reject(error) : resolve(client)));
    });
  }

  #take(answer: Answer, until?: number): void {
    super.connect((error, client, release) => {
      if (error === undefined || !isRefused(error)) return answer(error, client, release);
      const now = performance.now();
      const givesUpAt = until ?? now + (this.options.connectionTimeoutMillis ?? 0);
      if (this.#open.size === 0 || now >= givesUpAt) return answer(error, client, release);
      this.#stayAsItIs();
      this.#take(answer, givesUpAt);
    });
  }

  /** For a second, the pool is full with the connections that it has. */
  #stayAsItIs(): void {
    this.options.max = this.#open.size;
    this.#growsAgain ??= setTimeout(() => {
      this.#growsAgain = undefined;
      this.options.max = this.#most;
    }, REFUSED_FOR_MS).unref();
  }
}

/** Opens a pool of connections as `postgresConfig` describes them. None is made before it is needed, and one that breaks is replaced when it is. */
export function openPool(options: PostgresOptions): Pool {
  const pool = new ModestPool(options);
  pool.on('error', () => undefined);
  return pool;
}
