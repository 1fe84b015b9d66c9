import { type AbsenceEvidence, absent } from '@emr-payments/emr';
import type { WorkerParts } from '@emr-payments/worker/start-worker';
import type { Capability } from './records.ts';
import type { Rule } from './rules.ts';

type Database = ReturnType<WorkerParts['openDatabase']>;
type Adapter = ReturnType<ReturnType<WorkerParts['createAdapters']>['of']>;

/** One way to break the protocol. Parts that it does not replace stay correct. */
export type Sabotage = {
  about: string;
  /** The capability of the EMR in the run. A conditional create would hide a second send. */
  capability: Capability;
  /** At least one of these violations must be found. */
  caughtAs: readonly Rule[];
  parts(correct: WorkerParts): Partial<WorkerParts>;
};

/** The evidence of an honest empty answer, which no EMR gave. */
const NOTHING_FOUND: AbsenceEvidence = {
  entriesSeen: 0,
  entriesUnderstood: 0,
  matches: 0,
  total: 0,
  complete: true,
  errorSaid: false,
  searchHonoured: true,
  servedFromCache: false,
};

type NamedQuery = { name: string; text: string; values: unknown[] };
type Rewrite = (query: NamedQuery) => NamedQuery;

/**
 * Replaces pieces of a statement.
 *
 * @throws Error when the statement lacks a piece, because the sabotage would have no effect.
 */
const swap =
  (...pairs: (readonly [from: string, to: string])[]): Rewrite =>
  (query) => {
    let { text } = query;
    for (const [from, to] of pairs) {
      if (!text.includes(from)) throw new Error(`the sabotage no longer fits the statement ${query.name}`);
      text = text.replace(from, () => to);
    }
    return { ...query, text };
  };

type Send = (query: string | NamedQuery) => unknown;

/**
 * Rewrites the named statements. Hot statements are sent as `query({ name, text, values })`, so the pool's `query` is
 * replaced. The new name keeps a statement from being rewritten twice.
 */
const withStatements =
  (rewrites: Readonly<Record<string, Rewrite>>) =>
  (correct: WorkerParts): Pick<WorkerParts, 'openDatabase'> => ({
    openDatabase(options): Database {
      const database = correct.openDatabase(options);
      for (const { pool } of [database, database.grouped]) {
        const send = pool.query.bind(pool) as Send;
        const query: Send = (statement) => {
          const rewrite = typeof statement === 'string' ? undefined : rewrites[statement.name];
          if (typeof statement === 'string' || rewrite === undefined) return send(statement);
          return send({ ...rewrite(statement), name: `${statement.name}, sabotaged` });
        };
        Object.assign(pool, { query });
      }
      return database;
    },
  });

const withAdapter =
  (change: (adapter: Adapter) => Adapter) =>
  (correct: WorkerParts): Pick<WorkerParts, 'createAdapters'> => ({
    createAdapters(deps) {
      const adapters = correct.createAdapters(deps);
      return { of: (posting) => change(adapters.of(posting)) };
    },
  });

/** A lease keeper that never notices that a lease was lost. */
const neverLost = (correct: WorkerParts): Pick<WorkerParts, 'createLeaseKeeper'> => ({
  createLeaseKeeper(deps, options) {
    const keeper = correct.createLeaseKeeper(deps, options);
    const { signal } = new AbortController();
    return {
      ...keeper,
      hold: (claim, claimedAt) => ({ ...keeper.hold(claim, claimedAt), signal, isSafe: () => true }),
    };
  },
});

const BY_JOB_ALONE = 'FROM payments WHERE job_id = $1 AND $2::int IS NOT NULL';
const unfenced = withStatements({
  'begin-attempt': swap(
    [
      'SELECT payment_id FROM jobs WHERE id = $1 AND fence = $2 AND lease_until > now() FOR UPDATE',
      `SELECT id AS payment_id ${BY_JOB_ALONE}`,
    ],
    ['RETURNING number', 'ON CONFLICT DO NOTHING RETURNING number'],
  ),
  'settle-payment': swap(
    [
      'DELETE FROM jobs WHERE id = $1 AND fence = $2 RETURNING id, payment_id',
      `SELECT job_id AS id, id AS payment_id ${BY_JOB_ALONE}), gone AS (DELETE FROM jobs WHERE id = $1`,
    ],
    ["AND p.status IN ('posting', 'submitted')", ''],
  ),
  'retry-posting': swap(
    ['WITH job AS (', 'WITH mine AS ('],
    [
      '), payment AS (',
      '), job AS (SELECT id AS payment_id, 0 AS lane_id, 0 AS same_answers FROM payments WHERE job_id = $1), payment AS (',
    ],
    ["AND p.status IN ('posting', 'submitted')", ''],
  ),
});

export const SABOTAGES = {
  'skip-look-up': {
    about: 'an unknown outcome is treated as "known absent"',
    capability: 'lookup',
    caughtAs: ['two ledger entries for one payment'],
    parts: withAdapter((adapter) => ({
      ...adapter,
      settleMs: 0,
      find: async () => absent(NOTHING_FOUND),
    })),
  },
  'send-again-unasked': {
    about: 'an unknown outcome, at an EMR that cannot be searched, is treated as "not sent"',
    capability: 'none',
    caughtAs: ['two ledger entries for one payment'],
    parts: withAdapter((adapter) => ({
      ...adapter,
      async post(posting, options) {
        const outcome = await adapter.post(posting, options);
        return outcome.outcome === 'unknown' ? { ...outcome, outcome: 'not_sent' } : outcome;
      },
    })),
  },
  'no-sent-at': {
    about: 'the request is sent before its posting attempt is written',
    capability: 'lookup',
    caughtAs: ['two ledger entries for one payment'],
    parts: withStatements({
      'begin-attempt': (query) => ({
        ...query,
        text: 'SELECT $1::bigint, $2::int, $3::boolean',
      }),
    }),
  },
  'no-fence': {
    about: 'a worker that once held a job may begin and end an attempt, even with a stale claim',
    capability: 'lookup',
    caughtAs: [
      'state transition is not allowed',
      'two events for one payment',
      'two ledger entries for one payment',
    ],
    parts: (correct) => ({ ...neverLost(correct), ...unfenced(correct) }),
  },
  'no-outbox': {
    about: 'a job that was lost after it was queued is never queued again',
    capability: 'lookup',
    caughtAs: ['acknowledged payment is not settled'],
    parts: () => ({ startSweeper: () => ({ close: async () => undefined }) }),
  },
  'no-event': {
    about: 'a payment is settled without its event',
    capability: 'lookup',
    caughtAs: ['event is missing'],
    parts: withStatements({
      'settle-payment': swap([
        '$10, $13, user_id, id, round, job_id, $11, $12 FROM payment',
        '$10, $13, user_id, id, round, job_id, $11, $12 FROM payment WHERE round = 0',
      ]),
    }),
  },
  'no-second-delivery': {
    about: 'a failed delivery is not retried',
    capability: 'lookup',
    caughtAs: ['event is missing'],
    parts: withStatements({
      'record-delivery': (query) =>
        query.values[2] === 'pending' ? { ...query, values: query.values.with(2, 'failed') } : query,
    }),
  },
} as const satisfies Record<string, Sabotage>;

export type SabotageName = keyof typeof SABOTAGES;
export const SABOTAGE_NAMES = Object.keys(SABOTAGES) as SabotageName[];
