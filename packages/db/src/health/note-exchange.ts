import type { Database } from '../core/database.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction } from '../core/transaction.ts';
import { type Exchange, type ExchangeSubject, type HealthState, nextHealth } from './next-state.ts';
import { isLoginStopped, readHealth } from './read-health.ts';
import { endsLogin, writeHealth, writeHealthIn } from './write-health.ts';

export type NoteInput = {
  /** The connection that the exchange was made over, in the version that was opened. */
  connection: { userId: number; version: string };
  exchange: Exchange;
  subject: ExchangeSubject;
  /** Milliseconds since the exchange began. */
  agoMs: number;
};

export type Noted = {
  state: HealthState;
  /** The connection's broken login stops its calls now. */
  stopped: boolean;
  /** False: the connection was saved since, so the exchange says nothing about it. */
  isCurrent: boolean;
};

const UNTOUCHED: Noted = { state: 'connected', stopped: false, isCurrent: true };

/** Two processes that note at the same moment read and decide again. More in a row than this is no accident: the next exchange comes. */
const MOST_ROUNDS = 5;

/**
 * Notes an exchange with a connection's EMR: reads the connection's state, and writes it only where the exchange changes it, with the
 * event of an outage that begins or ends in the same commit. One that was made over a former version of the connection changes nothing.
 */
export async function noteExchange(
  deps: { database: Pick<Database, 'pool'> },
  { connection, exchange, subject, agoMs }: NoteInput,
): Promise<Noted> {
  if (exchange.kind === 'none') return UNTOUCHED;
  const { userId } = connection;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const stored = await readHealth(deps, { userId });
    if (stored === null) return UNTOUCHED;
    const { health, now } = stored;
    const isCurrent = isSameVersion(stored.connectionVersion, connection.version);
    const present = { state: health.state, stopped: isLoginStopped(stored), isCurrent };
    if (!isCurrent) return present;
    const next = nextHealth(health, { exchange, subject, now, beganAt: new Date(now.getTime() - agoMs) });
    if (next === null) return present;
    const change = { stored, userId, next };
    const written =
      next.event === null && !endsLogin(change)
        ? await writeHealth(deps, change)
        : await inTransaction(deps, async (tx) => {
            const value = await writeHealthIn(tx, change);
            return { commit: value, value };
          });
    if (written)
      return { state: next.health.state, stopped: isLoginStopped({ health: next.health, now }), isCurrent };
  }
  const stored = await readHealth(deps, { userId });
  if (stored === null) return UNTOUCHED;
  const isCurrent = isSameVersion(stored.connectionVersion, connection.version);
  return { state: stored.health.state, stopped: isLoginStopped(stored), isCurrent };
}

/** A version is a time as text, in the form of the session or of the driver that read it. */
function isSameVersion(one: string, other: string): boolean {
  return one === other || timeOf(one) === timeOf(other);
}

/** PostgreSQL writes `2026-06-15 10:30:00.123+00`. */
const timeOf = (version: string): number =>
  Date.parse(version.replace(' ', 'T').replace(/([+-]\d\d)$/, '$1:00'));

/**
 * Many connections at once, whose exchanges were answered: writes when that was. One whose time is less than a minute old is left
 * alone, and so is one that was saved since: the time counts as evidence that the EMR accepts its credentials. A state that is not `connected` is not changed by this: that takes `noteExchange`. A connection of which nothing is stored has
 * been connected since it was made.
 */
const SUCCESSES = {
  name: 'note-successes',
  text: `
    INSERT INTO connection_states AS s (user_id, since, last_success_at)
    SELECT c.user_id, c.created_at, now() - make_interval(secs => noted.ago_ms / 1000)
      FROM unnest($1::int[], $2::float8[], $3::timestamptz[]) AS noted(user_id, ago_ms, version)
      JOIN connections c ON c.user_id = noted.user_id AND c.updated_at = noted.version ORDER BY c.user_id
        ON CONFLICT (user_id) DO UPDATE SET last_success_at = excluded.last_success_at
     WHERE s.last_success_at IS NULL OR s.last_success_at < excluded.last_success_at - interval '50 seconds'`,
};

/** Writes when the connections' EMRs last answered: each so many milliseconds ago. */
export async function noteSuccesses(
  deps: StatementDeps,
  successes: readonly { userId: number; version: string; agoMs: number }[],
): Promise<void> {
  if (successes.length === 0) return;
  const values = [
    successes.map(({ userId }) => userId),
    successes.map(({ agoMs }) => agoMs),
    successes.map(({ version }) => version),
  ];
  await query(deps, SUCCESSES, values);
}
