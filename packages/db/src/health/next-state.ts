import type { OurSentence } from '@emr-payments/contracts';

export type HealthState = 'connected' | 'degraded' | 'login_required' | 'unreachable';

/** What one exchange with an EMR says about the connection. */
export type Exchange =
  /** The EMR answered, and accepted the credentials. */
  | { kind: 'answered' }
  /** It says nothing: no call was made, or a fault of ours or a limit came first. */
  | { kind: 'none' }
  | {
      /**
       * `login`: the EMR rejected the credentials, and not just a token that had become old. `down`: network trouble, 5xx, or no access
       * token. `hampered`: an answer that cannot be used.
       */
      kind: 'login' | 'down' | 'hampered';
      code: string;
      detail: OurSentence;
    };

/** A connection's state as it is stored. */
export type Health = {
  state: HealthState;
  since: Date;
  lastSuccessAt: Date | null;
  lastTrouble: { code: string; detail: OurSentence; at: Date } | null;
  failures: number;
  failingSince: Date | null;
  outages: number;
  outageOpen: boolean;
  stoppedUntil: Date | null;
  loginEndedAt: Date | null;
  /**
   * A login that was found broken was accepted again, and nobody had saved anything in between: here a 401 is about single requests. A save
   * with other values clears it.
   */
  doubtful: boolean;
  /** In a doubtful connection: payments in a row that were rejected, with no accepted exchange between them. */
  rejections: number;
  /** Since its login was found broken, the connection was saved with other values. */
  savedSinceBroken: boolean;
};

/** The state of a connection before its first exchange. */
export function firstHealth({ since }: { since: Date }): Health {
  return {
    state: 'connected',
    since,
    lastSuccessAt: null,
    lastTrouble: null,
    failures: 0,
    failingSince: null,
    outages: 0,
    outageOpen: false,
    stoppedUntil: null,
    loginEndedAt: null,
    doubtful: false,
    rejections: 0,
    savedSinceBroken: false,
  };
}

/** The only place of the numbers by which a connection's state is decided. */
export const HEALTH_POLICY = {
  /** Exchanges in a row without an answer, and the time from the first to the last of them, after which the EMR is unreachable. */
  unreachableFailures: 5,
  unreachableMs: 120_000,
  /** A degraded connection is connected again when its last trouble is this old. */
  degradedMs: 300_000,
  /** For so long nothing is sent after the EMR has rejected the credentials; then one probe. */
  loginStopMs: 3_600_000,
  /** Rejected payments in a row after which the login of a doubtful connection is broken. */
  brokenRejections: 3,
  /** The times of the last success and of an equal trouble are not written more often. */
  noteMs: 60_000,
  /** In a degraded connection a success is written after this time, so that failures in a row are counted. */
  degradedSuccessMs: 15_000,
} as const;

/**
 * The subject of an exchange. `payment`: one whose rejection may be due to a broken login. `other`: a look-up, a list, a sync, a check, or a
 * payment that was rejected while other exchanges over the same credentials were accepted.
 */
export type ExchangeSubject = 'payment' | 'other';

type Step = {
  exchange: Exchange;
  subject: ExchangeSubject;
  now: Date;
  /** When the exchange began: what began before a change says nothing about the time after it. */
  beganAt: Date;
};

/** `event`: the one to publish with the change. */
export type NextHealth = { health: Health; event: 'broken' | 'restored' | null };

const isOlder = (at: Date | null, { now }: Step, ms: number): boolean =>
  at === null || now.getTime() - at.getTime() >= ms;

/**
 * Decides a connection's next state.
 *
 * | state            | answered                          | login rejected                   | down                               | hampered       |
 * | ---------------- | --------------------------------- | -------------------------------- | ---------------------------------- | -------------- |
 * | `connected`      | stays                             | `login_required`, broken         | `degraded`                         | `degraded`     |
 * | `degraded`       | `connected` 5 min after a trouble | `login_required`, broken         | `unreachable`, broken (see below)  | stays          |
 * | `login_required` | `connected`, restored             | stays; after a probe: an hour more | stays                              | stays          |
 * | `unreachable`    | `connected`, restored             | `login_required`, same outage    | stays                              | stays          |
 *
 * In a doubtful connection a rejection is a trouble of its exchange alone (as `hampered`), until three payments in a row were rejected with no
 * accepted exchange between them. A rejection of anything else never breaks its login.
 *
 * - A connection is unreachable after five exchanges and two minutes with nothing but network trouble or 5xx.
 * - An outage lasts from `broken` to `restored`; both are published once, whatever happens in between.
 * - An answer to an exchange that began before the login was found broken does not mend it, and a rejection of one that began before it
 *   was mended does not break it.
 *
 * @returns null when there is nothing to write.
 */
export function nextHealth(health: Health, step: Step): NextHealth | null {
  const { exchange } = step;
  if (exchange.kind === 'none') return null;
  if (exchange.kind === 'answered') return afterAnswer(health, step);
  if (exchange.kind === 'login') return afterRejection(health, step, exchange);
  return afterTrouble(health, step, { exchange, rejections: health.rejections });
}

function afterAnswer(health: Health, step: Step): NextHealth | null {
  const { state } = health;
  const { now, beganAt } = step;
  const answered: Health = { ...health, lastSuccessAt: now, failures: 0, failingSince: null, rejections: 0 };
  if (state === 'connected')
    return isOlder(health.lastSuccessAt, step, HEALTH_POLICY.noteMs)
      ? { health: answered, event: null }
      : null;
  if (state === 'login_required' && beganAt < health.since) return null;
  if (state === 'degraded' && !isOlder(health.lastTrouble?.at ?? null, step, HEALTH_POLICY.degradedMs))
    return health.rejections > 0 || isOlder(health.lastSuccessAt, step, HEALTH_POLICY.degradedSuccessMs)
      ? { health: answered, event: null }
      : null;
  const endsLogin = state === 'login_required';
  return {
    health: {
      ...answered,
      state: 'connected',
      since: now,
      outageOpen: false,
      stoppedUntil: null,
      loginEndedAt: endsLogin ? now : health.loginEndedAt,
      doubtful: health.doubtful || (endsLogin && !health.savedSinceBroken),
      savedSinceBroken: false,
    },
    event: health.outageOpen ? 'restored' : null,
  };
}

type Trouble = Extract<Exchange, { detail: OurSentence }>;

const troubleOf = ({ code, detail }: Trouble, { now }: Step) => ({ code, detail, at: now });

const isNews = (health: Health, step: Step, { code }: Trouble): boolean =>
  health.lastTrouble?.code !== code || isOlder(health.lastTrouble.at, step, HEALTH_POLICY.noteMs);

function afterRejection(health: Health, step: Step, exchange: Trouble): NextHealth | null {
  const { now, beganAt } = step;
  if (health.loginEndedAt !== null && beganAt < health.loginEndedAt) return null;
  const lastTrouble = troubleOf(exchange, step);
  const stoppedUntil = new Date(now.getTime() + HEALTH_POLICY.loginStopMs);
  if (health.state === 'login_required') {
    // One of several that were under way: the first has stopped the others.
    if (health.stoppedUntil !== null && health.stoppedUntil > now) return null;
    return { health: { ...health, lastTrouble, stoppedUntil }, event: null };
  }
  const rejections = health.rejections + (step.subject === 'payment' ? 1 : 0);
  if (health.doubtful && rejections < HEALTH_POLICY.brokenRejections)
    return afterTrouble(health, step, { exchange: { ...exchange, kind: 'hampered' }, rejections });
  const change = { lastTrouble, stoppedUntil, rejections: 0, savedSinceBroken: false };
  return broken(health, step, { state: 'login_required', ...change });
}

function broken(health: Health, { now }: Step, change: Partial<Health> & { state: HealthState }): NextHealth {
  const { outageOpen, outages } = health;
  return {
    health: {
      ...health,
      ...change,
      since: now,
      outageOpen: true,
      outages: outageOpen ? outages : outages + 1,
    },
    event: outageOpen ? null : 'broken',
  };
}

function afterTrouble(
  health: Health,
  step: Step,
  { exchange, rejections }: { exchange: Trouble; rejections: number },
): NextHealth | null {
  const { state } = health;
  const { now } = step;
  // The reason that somebody has to act on stays to be read.
  if (state === 'login_required') return null;
  const lastTrouble = troubleOf(exchange, step);
  const isDown = exchange.kind === 'down';
  const counted = rejections !== health.rejections;
  const noted: Health = { ...health, lastTrouble, rejections };
  if (state === 'unreachable')
    return counted || isNews(health, step, exchange) ? { health: noted, event: null } : null;
  const failures = isDown
    ? Math.min(health.failures + 1, HEALTH_POLICY.unreachableFailures)
    : health.failures;
  const failingSince = isDown ? (health.failingSince ?? now) : health.failingSince;
  if (
    isDown &&
    failures >= HEALTH_POLICY.unreachableFailures &&
    isOlder(failingSince, step, HEALTH_POLICY.unreachableMs)
  )
    return broken(noted, step, { state: 'unreachable', failures, failingSince });
  if (state === 'degraded' && failures === health.failures && !counted && !isNews(health, step, exchange))
    return null;
  return {
    health: {
      ...noted,
      failures,
      failingSince,
      ...(state === 'connected' ? { state: 'degraded', since: now } : {}),
    },
    event: null,
  };
}

/** Decides the state after the connection was saved with other values: what its former credentials have shown says nothing any more. */
export function afterNewValues(health: Health): Health {
  const isBroken = health.state === 'login_required';
  return { ...health, doubtful: false, rejections: 0, savedSinceBroken: isBroken };
}
