import type { WorkerParts } from '@emr-payments/worker/start-worker';
import type { Capability } from './records.ts';
import type { Rule } from './rules.ts';

type Database = ReturnType<WorkerParts['openDatabase']>;
type Adapter = ReturnType<ReturnType<WorkerParts['createAdapters']>['of']>;

/** One way to break the protocol. What it does not name stays whole. */
export type Sabotage = {
  about: string;
  /** Of the EMR that it is tried with: a conditional create would hide a second send. */
  capability: Capability;
  /** One of these must be found. */
  caughtAs: readonly Rule[];
  parts(whole: WorkerParts): Partial<WorkerParts>;
};

type NamedQuery = { name: string; text: string; values: unknown[] };
type Rewrite = (query: NamedQuery) => NamedQuery;

/** @throws Error when the statement has changed and the sabotage would leave it whole. */
const swap =
  (...pairs: (readonly [from: string, to: string])[]): Rewrite =>
  (query) => {
    let { text } = query;
    for (const [from, to] of pairs) {
      if (!text.includes(from)) throw new Error(`${query.name} has changed: the sabotage does not fit it`);
      text = text.replace(from, () => to);
    }
    return { ...query, text };
  };

type Send = (query: string | NamedQuery) => unknown;

/** Hot statements go through `query({ name, text, values })`; the ones named here come out changed, once. */
const withStatements =
  (rewrites: Readonly<Record<string, Rewrite>>) =>
  (whole: WorkerParts): Pick<WorkerParts, 'openDatabase'> => ({
    openDatabase(options): Database {
      const database = whole.openDatabase(options);
      for (const { pool } of [database, database.grouped]) {
        const send = pool.query.bind(pool) as Send;
        const query: Send = (asked) => {
          const rewrite = typeof asked === 'string' ? undefined : rewrites[asked.name];
          if (typeof asked === 'string' || rewrite === undefined) return send(asked);
          return send({ ...rewrite(asked), name: `${asked.name}, sabotaged` });
        };
        Object.assign(pool, { query });
      }
      return database;
    },
  });

const withAdapter =
  (change: (adapter: Adapter) => Adapter) =>
  (whole: WorkerParts): Pick<WorkerParts, 'createAdapters'> => ({
    createAdapters(deps) {
      const adapters = whole.createAdapters(deps);
      return { of: (posting) => change(adapters.of(posting)) };
    },
  });

/** A lease keeper that never finds that it has lost anything. */
const neverLost = (whole: WorkerParts): Pick<WorkerParts, 'createLeaseKeeper'> => ({
  createLeaseKeeper(deps, options) {
    const keeper = whole.createLeaseKeeper(deps, options);
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
    ["AND p.status = 'posting'", ''],
  ),
  'retry-posting': swap(
    ['WITH job AS (', 'WITH mine AS ('],
    [
      '), payment AS (',
      '), job AS (SELECT id AS payment_id, 0 AS lane_id FROM payments WHERE job_id = $1), payment AS (',
    ],
    ["AND p.status = 'posting'", ''],
  ),
});

export const SABOTAGES = {
  'skip-look-up': {
    about: 'an unknown outcome is taken for "known absent"',
    capability: 'lookup',
    caughtAs: ['two ledger entries for one payment'],
    parts: withAdapter((adapter) => ({
      ...adapter,
      settleMs: 0,
      find: async () => ({ outcome: 'absent' }),
    })),
  },
  'send-again-unasked': {
    about: 'an unknown outcome, at an EMR that cannot be asked, is taken for "not sent"',
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
    about: 'the request leaves before its posting attempt has been written',
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
    about: 'whoever once held a job may begin an attempt and end it, however stale the claim',
    capability: 'lookup',
    caughtAs: [
      'state transition that the diagram does not have',
      'two events for one payment',
      'two ledger entries for one payment',
    ],
    parts: (whole) => ({ ...neverLost(whole), ...unfenced(whole) }),
  },
  'no-outbox': {
    about: 'what was once handed to the queue is never looked for again',
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
    about: 'a delivery that failed is not tried again',
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
