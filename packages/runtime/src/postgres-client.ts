import { setTimeout as wait } from 'node:timers/promises';
import { Client, type ClientConfig, DatabaseError, type PoolConfig, type QueryResult } from 'pg';
import { createSessions, type Sessions } from './postgres-sessions.ts';
import type { SilenceWatch } from './postgres-silence.ts';
import { type PostgresAddress, parsePostgresUrl } from './postgres-url.ts';

type Own = 'connectionString' | 'options' | 'Client' | 'statement_timeout' | 'lock_timeout';

export type PostgresOptions = Omit<PoolConfig, Own | 'idle_in_transaction_session_timeout'> & {
  /** As libpq writes it; it may have several hosts. */
  url: string;
  /** Settings of the session by their name in PostgreSQL, such as `statement_timeout`. They win over the operator's. */
  settings?: Settings;
  /** A statement that each session begins with, after its settings. */
  first?: string;
  /** Makes the class of the connections out of ours. */
  extend?: (base: typeof Client) => typeof Client;
  /** Runs on each new connection before anybody else has it. Where it throws, there is no connection. */
  onOpen?: OnOpen | undefined;
  /** For `openPool`: notices a server that is gone. Pools on one server share one. */
  watch?: SilenceWatch | undefined;
};

export type OnOpen = (client: Pick<Client, 'query'>) => Promise<void>;

export type Settings = Readonly<Record<string, string | number>>;

/** Longest time to connect where the caller names none. */
const CONNECT_MS = 3_000;

/** Until a session that was closed a moment ago, in the last of its statement, has had time to end it. */
const ASKED_AGAIN_AFTER_MS = 100;

/** A connection that the bound of its pool does not allow fails after this time: at once, a busy pool would try again without a pause. */
const REFUSED_AFTER_MS = 1_000;

/** The server is starting or stopping, so another one may be there: libpq, too, tries the next host for these alone. */
const ELSEWHERE = /^57P0[123]$/;
const READ_ONLY = '25006';
const NO_RESOURCES = '53000';

const FULL =
  'statements that were given up still run on the server: no further connection is opened before one of them ends';

/**
 * Settings in which values are written and read, whatever role, database or server has of its own: with another DateStyle, the day of a
 * payment would reach the EMR in a form that it refuses. In a time zone with daylight saving time, days are added that have 23 or 25 hours.
 */
const FORMS: Settings = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: 1,
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
};

const withCode = (message: string, code: string): Error => Object.assign(new Error(message), { code });

type State = { pid: number; standby: boolean; read_only: boolean; busy: number[] };

/**
 * The statement that reads a `State`; `busy` are those of the given sessions that run a statement. The process id of a session that has ended
 * may belong to another process by now, so a walsender or a worker of a parallel query, which can be `active` for long, does not count.
 */
const stateOf = (sessions: readonly number[]): string => `
SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS standby, current_setting('transaction_read_only')::boolean AS read_only,
       ARRAY(SELECT pid FROM pg_stat_activity WHERE pid IN (${[0, ...sessions].join()}) AND backend_type = 'client backend' AND state = 'active') AS busy`;

type Failure = { host: string; error: Error };

/** True for what says nothing about the other hosts. A wrong password or database is the same on all of them. */
function mayBeElsewhere(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  if (code === READ_ONLY || !(error instanceof DatabaseError)) return code !== NO_RESOURCES;
  return ELSEWHERE.test(String(code));
}

function noHost(failures: readonly Failure[]): Error {
  const codes = failures.map(({ error }) => (error as { code?: string }).code ?? 'ETIMEDOUT');
  const reasons = failures.map(({ host, error }) => `${host}: ${error.message}`);
  const code = codes.find((one) => one === READ_ONLY) ?? codes[0] ?? 'ETIMEDOUT';
  return withCode(`no host of the URL takes writes (${reasons.join('; ')})`, code);
}

const settingText = ([name, value]: [string, string | number]): string =>
  `SET ${name} = '${String(value).replaceAll("'", "''")}';`;

/**
 * The configuration of every connection that we make to PostgreSQL, for pg's `Pool` and BullMQ's; `postgresClient` for one alone.
 *
 * - Of several hosts, the first that does what is asked for is taken, the last good one first. After a failover a new connection
 *   finds the new primary, and pg's pool makes one after every error.
 * - Settings are made by statements once the connection is there, because PgBouncer refuses startup parameters, or ignores them.
 * - A pool has never more than `max` statements on the server, also when it gives up waiting for some: see `Sessions`.
 */
export function postgresConfig(options: PostgresOptions): PoolConfig {
  const { url, settings = {}, first = '', onOpen, watch: _, ...others } = options;
  const { extend = (base: typeof Client) => base, ...rest } = others;
  const address = parsePostgresUrl(url);
  const connectMs = rest.connectionTimeoutMillis ?? CONNECT_MS;
  const own: Way = {
    address,
    connectMs,
    setUp: [...Object.entries({ ...FORMS, ...settings }).map(settingText), first].join(' '),
    sessions: createSessions({ max: rest.max }),
    onOpen,
    preferred: 0,
  };
  return {
    // A host that is gone without closing its connections is noticed in minutes; the system's default is two hours.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...rest,
    connectionString: address.hosts[0]?.url,
    connectionTimeoutMillis: connectMs,
    ...(address.options === undefined ? {} : { options: address.options }),
    Client: extend(clientClass(own)),
  };
}

/** One connection, which is not connected yet. */
export function postgresClient(options: PostgresOptions): Client {
  const { Client: One = Client, ...config } = postgresConfig(options);
  return new (One as typeof Client)(config);
}

type Way = {
  address: PostgresAddress;
  /** Longest time until one of the hosts is connected. */
  connectMs: number;
  setUp: string;
  sessions: Sessions;
  onOpen: OnOpen | undefined;
  /** The host that was good last. */
  preferred: number;
};

// biome-ignore lint/suspicious/noExplicitAny: pg's own type is a union of two functions, which nobody can call.
type Callback = (error: any, client?: any) => void;

/** The methods of an EventEmitter. Listeners stay when a connection begins again. */
const OF_EMITTER = new Set(['_events', '_eventsCount', '_maxListeners']);

/**
 * The password, or the function that gives one, for the host of a client that has not connected yet. pg hides it from `Object.entries`, lets a URL
 * without a password win over a function, and puts what the function or the file .pgpass gave for this host in its place.
 */
const passwordOf = (config: ClientConfig, client: Client): string =>
  (config.password ?? client.password) as string;

function clientClass(way: Way): typeof Client {
  const { hosts } = way.address;
  const share = way.connectMs / hosts.length;
  const configOf = (config: ClientConfig, host: number, limitMs = share): ClientConfig => ({
    ...config,
    connectionString: hosts[host]?.url,
    connectionTimeoutMillis: limitMs,
  });

  return class extends Client {
    readonly #config: ClientConfig;
    #host = way.preferred;
    #begun = false;
    /** Longest time for the host that is tried. */
    #limitMs = share;
    #opening = false;
    #ended = false;

    constructor(config?: string | ClientConfig) {
      const given = typeof config === 'object' ? config : {};
      super(configOf(given, way.preferred));
      this.#config = given;
      this.password = passwordOf(given, this);
      this.once('end', () => way.sessions.leave(this));
      // The statements get the error by themselves. This listener is there because an 'error' event without one ends the process, and a pool has
      // none while it hands a connection on: the last words of the server can come in that moment.
      this.on('error', () => undefined);
    }

    override connect(): Promise<Client>;
    override connect(callback: Callback): void;
    override connect(callback?: Callback): Promise<Client> | undefined {
      this.#opening = true;
      const opened = this.#open().finally(() => {
        this.#opening = false;
      });
      if (callback !== undefined) opened.then(() => callback(null, this), callback);
      return callback === undefined ? opened.then(() => this) : undefined;
    }

    /** The end of the connection to one host is not this client's while others are still to be tried. */
    override emit(event: string | symbol, ...values: unknown[]): boolean {
      if (event === 'end' && this.#opening && !this.#ended) return false;
      return super.emit(event as string, ...values);
    }

    override end(): Promise<void>;
    override end(callback: Callback): void;
    override end(callback?: Callback): Promise<void> | undefined {
      this.#ended = true;
      way.sessions.leave(this);
      if (callback === undefined) return super.end();
      super.end(callback);
      return undefined;
    }

    async #open(): Promise<void> {
      const failures: Failure[] = [];
      const others = [...hosts.keys()].filter((host) => host !== way.preferred);
      const startedAt = performance.now();
      for (const [tried, host] of [way.preferred, ...others].entries()) {
        // A host that refuses at once leaves its time to those after it. None gets less than its share: 0 would be no limit.
        const leftMs = way.connectMs - (performance.now() - startedAt);
        this.#limitMs = Math.max(share, leftMs / (hosts.length - tried));
        if (this.#begun || host !== this.#host) this.#renew(host);
        this.#begun = true;
        try {
          await super.connect();
          await this.#setUp();
          way.preferred = host;
          return;
        } catch (error) {
          // A pool does not close a connection that has failed to connect. On a standby such sessions would collect until there is no place left.
          this.connection.stream.destroy();
          // Who has called `end` meanwhile waits for this connection's, and wants no other.
          if (this.#ended || hosts.length === 1 || !mayBeElsewhere(error)) throw error;
          failures.push({ host: hosts[host]?.name ?? '', error: error as Error });
        }
      }
      throw noHost(failures);
    }

    /** Begins again with another host: a Client of pg connects only once, so this one takes over the state of a new one. */
    #renew(host: number): void {
      this.connection.removeAllListeners();
      this.connection.on('error', () => undefined);
      const fresh = new Client(configOf(this.#config, host, this.#limitMs));
      const state = Object.entries(fresh).filter(([name]) => !OF_EMITTER.has(name));
      Object.assign(this, Object.fromEntries(state));
      this.password = passwordOf(this.#config, fresh);
      this.#host = host;
    }

    async #ask(text: string): Promise<State> {
      const statement = { text, query_timeout: this.#limitMs };
      const state = ([await this.query<State>(statement)].flat() as QueryResult<State>[]).at(-1)?.rows[0];
      if (state === undefined) throw withCode('the server did not say how the session is', 'ECONNRESET');
      return state;
    }

    /** Asks what the session can do, and makes its settings, in one round trip. */
    async #setUp(): Promise<void> {
      const host = hosts[this.#host]?.name ?? '';
      let asked = way.sessions.leftAt(host);
      let state = await this.#ask(`${way.setUp} ${stateOf(asked)}`);
      const { need } = way.address;
      if (need !== 'any' && (state.standby || (need === 'read-write' && state.read_only)))
        throw withCode('read-only', READ_ONLY);
      await way.onOpen?.(this);
      if (way.sessions.join(this, { host, asked, ...state })) return;
      await wait(ASKED_AGAIN_AFTER_MS);
      asked = way.sessions.leftAt(host);
      state = await this.#ask(stateOf(asked));
      if (way.sessions.join(this, { host, asked, ...state })) return;
      await super.end();
      await wait(REFUSED_AFTER_MS);
      throw withCode(FULL, NO_RESOURCES);
    }
  };
}
