import { type AbsenceEvidence, absent } from '@emr-payments/emr';
import type { WorkerParts } from '@emr-payments/worker/start-worker';
import { Client } from 'pg';

type Steps = WorkerParts['steps'];
type Adapter = ReturnType<ReturnType<WorkerParts['createAdapters']>['of']>;
type Keeper = ReturnType<WorkerParts['createLeaseKeeper']>;
type Held = ReturnType<Keeper['hold']>;
type Deps = Parameters<Steps['settlePayment']>[0];
type Claim = Held['claim'];
type Sets = NonNullable<Deps['database']['sets']>;
type SetStatement = Parameters<Sets['run']>[0];
/** Runs one input as a set. */
export type RunSet = (statement: SetStatement, values: unknown[]) => Promise<unknown>;

/**
 * One way to break the protocol. Functions that it does not replace stay correct. It calls `broke` whenever it does something
 * that a correct worker would not do: a sabotage that had no effect proves nothing.
 */
export type Sabotage = {
  steps?: (correct: Steps, broke: () => void) => Partial<Steps>;
  adapter?: (correct: Adapter, broke: () => void) => Adapter;
  hold?: (input: { keeper: Keeper; claim: Claim; claimedAt: number }, broke: () => void) => Held;
  /** Where the schedule runs every statement that is made for it as a set. */
  runSet?: (correct: RunSet, broke: () => void) => RunSet;
};

/** The evidence of an honest empty answer, which no EMR gave. */
const NOTHING_FOUND: AbsenceEvidence = {
  entriesSeen: 0,
  entriesUnderstood: 0,
  perhapsOurs: 0,
  matches: 0,
  total: 0,
  complete: true,
  errorSaid: false,
  searchHonoured: true,
  servedFromCache: false,
};

/** The fence that the job has now, in place of the one that the holder was given. */
async function withPresentFence(deps: Deps, claim: Claim, broke: () => void): Promise<Claim> {
  const { rows } = await deps.database.pool.query<{ fence: number }>({
    text: 'SELECT fence FROM jobs WHERE id = $1',
    values: [claim.jobId],
  });
  const { fence = claim.fence } = rows[0] ?? {};
  if (fence !== claim.fence) broke();
  return { ...claim, fence };
}

/** The condition of a set that the claim is the job's present one. */
const FENCE = 'AND jobs.fence = asked.fence';

/** The condition of a settlement that nothing has settled the payment since the claim. */
const ROUND = 'AND p.round = job.round';

/** Brings back the job of a payment that has ended, with the fence $2 of an earlier holder. */
const AS_IF_UNSETTLED = `
  WITH payment AS (UPDATE payments SET status = 'posting' WHERE job_id = $1 RETURNING id, user_id)
  INSERT INTO jobs (id, kind, lane_id, payment_id, fence)
  SELECT $1, 'post_payment', c.lane_id, p.id, $2 FROM payment p JOIN connections c ON c.user_id = p.user_id
  ON CONFLICT (id) DO UPDATE SET fence = excluded.fence`;

const NEVER = new AbortController().signal;

/** A claim whose holder believes for ever that it has it. */
const believed = (held: Held, broke: () => void): Held => ({
  ...held,
  signal: NEVER,
  isSafe() {
    if (!held.isSafe()) broke();
    return true;
  },
});

const withFind = (adapter: Adapter, find: NonNullable<Adapter['find']>): Adapter =>
  adapter.find === undefined ? adapter : { ...adapter, find };

export const SABOTAGES = {
  'skip-look-up': {
    adapter: (adapter, broke) => ({
      ...withFind(adapter, async () => {
        broke();
        return absent(NOTHING_FOUND);
      }),
      settleMs: 0,
    }),
  },
  'settle-ms-ignored': {
    adapter: (adapter, broke) => ({
      ...withFind(adapter, async (hints, options) => {
        const found = await adapter.find?.(hints, options);
        if (found?.outcome === 'absent') broke();
        return found ?? absent(NOTHING_FOUND);
      }),
      settleMs: 0,
    }),
  },
  'literal-absence': {
    adapter: (adapter, broke) =>
      withFind(adapter, async (hints, options) => {
        const found = await adapter.find?.(hints, options);
        if (found?.outcome !== 'unavailable') return found ?? absent(NOTHING_FOUND);
        broke();
        return absent(NOTHING_FOUND);
      }),
  },
  'known-not-asked': {
    steps: (_correct, broke) => ({
      async findKnownEntries() {
        broke();
        return [];
      },
    }),
  },
  'differs-believed': {
    adapter: (adapter, broke) =>
      withFind(adapter, async (hints, options) => {
        const found = await adapter.find?.(hints, options);
        if (found?.outcome !== 'differs') return found ?? absent(NOTHING_FOUND);
        broke();
        const { emrTransactionId: id } = found;
        return {
          outcome: 'found',
          emrTransactionId: id,
          rows: [{ id, amount: hints.amount }],
          sum: hints.amount,
        };
      }),
  },
  'send-again-unasked': {
    adapter: (adapter, broke) => ({
      ...adapter,
      async post(posting, options) {
        const outcome = await adapter.post(posting, options);
        if (outcome.outcome !== 'unknown') return outcome;
        broke();
        return { ...outcome, outcome: 'not_sent' };
      },
    }),
  },
  'accepted-sent-again': {
    adapter: (adapter, broke) => ({
      ...adapter,
      async post(posting, options) {
        const outcome = await adapter.post(posting, options);
        if (outcome.outcome !== 'accepted') return outcome;
        broke();
        return { outcome: 'not_sent', code: 'emr_error', detail: outcome.detail };
      },
    }),
  },
  'another-key': {
    adapter: (adapter, broke) => ({
      ...adapter,
      post(posting, options) {
        broke();
        const paymentId = crypto.randomUUID().replaceAll('-', '');
        return adapter.post({ ...posting, paymentId }, options);
      },
    }),
  },
  'no-sent-at': {
    steps: (_correct, broke) => ({
      async beginAttempt() {
        broke();
        return true;
      },
    }),
  },
  'no-fence': {
    steps: (correct, broke) => ({
      settlePayment: async (deps, settlement) =>
        correct.settlePayment(deps, {
          ...settlement,
          claim: await withPresentFence(deps, settlement.claim, broke),
        }),
    }),
  },
  'no-fence-in-sets': {
    // Where the correct set finds nothing, it runs again without the condition.
    runSet: (correct, broke) => async (statement, values) => {
      const row = await correct(statement, values);
      if (row !== undefined || statement.single.name !== 'settle-payment') return row;
      const { name, text } = statement.set;
      const set = { name: `${name} without its fence`, text: text.replaceAll(FENCE, '') };
      if (set.text !== text) broke();
      return correct({ ...statement, set }, values);
    },
  },
  'no-round': {
    // Where the correct settlement finds nothing, the job is there again with the holder's fence, and the payment as it was: only the
    // compare-and-set on the round would still keep it from a second event, and that is taken out.
    steps: (correct, broke) => ({
      async settlePayment(deps, settlement) {
        if (await correct.settlePayment(deps, settlement)) return true;
        const { pool } = deps.database;
        const { jobId, fence } = settlement.claim;
        await pool.query({ text: AS_IF_UNSETTLED, values: [jobId, fence] });
        const run = async (statement: SetStatement, values: unknown[]) => {
          const text = statement.single.text.replace(ROUND, '');
          if (text !== statement.single.text) broke();
          return (await pool.query({ text, values })).rows[0];
        };
        return correct.settlePayment({ database: { pool, sets: { run: run as Sets['run'] } } }, settlement);
      },
    }),
  },
  'no-fence-at-begin': {
    steps: (correct, broke) => ({
      async beginAttempt(deps, input) {
        if (!(await correct.beginAttempt(deps, input))) broke();
        return true;
      },
    }),
    hold: ({ keeper, claim, claimedAt }, broke) => believed(keeper.hold(claim, claimedAt), broke),
  },
  'no-fence-at-retry': {
    steps: (correct, broke) => ({
      retryPosting: async (deps, input) =>
        correct.retryPosting(deps, { ...input, claim: await withPresentFence(deps, input.claim, broke) }),
    }),
  },
  'lease-ignored': {
    hold: ({ keeper, claim, claimedAt }, broke) => believed(keeper.hold(claim, claimedAt), broke),
  },
  'lease-not-renewed': {
    hold({ claim, claimedAt }, broke) {
      broke();
      return {
        claim,
        signal: NEVER,
        isSafe: () => true,
        heldMs: () => performance.now() - claimedAt,
        release: () => undefined,
      };
    },
  },
  'no-outbox': {
    steps: (_correct, broke) => ({
      async sweepJobs() {
        broke();
        return { expired: 0, unclaimed: 0 };
      },
    }),
  },
  'claimed-for-ever': {
    steps: (correct, broke) => ({
      async settlePayment(deps, settlement) {
        const { claimant } = deps;
        if (claimant === undefined) return correct.settlePayment(deps, settlement);
        const endless = {
          ...claimant,
          leaseMs: 86_400_000,
          take(...claimed: Parameters<typeof claimant.take>) {
            broke();
            claimant.take(...claimed);
          },
        };
        return correct.settlePayment({ ...deps, claimant: endless }, settlement);
      },
    }),
  },
  'no-event': {
    steps: (correct, broke) => ({
      // In one commit, as if the event had never been written: otherwise the delivery could be quicker.
      async settlePayment(_deps, settlement) {
        const client = new Client({ connectionString: process.env.DATABASE_URL });
        await client.connect();
        try {
          await client.query('BEGIN');
          const settled = await correct.settlePayment({ database: { pool: client as never } }, settlement);
          const ofEvent = 'SELECT id FROM deliveries WHERE event_id = $1';
          const values = [settlement.event.id];
          await client.query(`DELETE FROM jobs WHERE delivery_id IN (${ofEvent})`, values);
          await client.query('DELETE FROM deliveries WHERE event_id = $1', values);
          const { rowCount } = await client.query('DELETE FROM events WHERE id = $1', values);
          if (rowCount === 1) broke();
          await client.query('COMMIT');
          return settled;
        } finally {
          await client.end();
        }
      },
    }),
  },
  'no-second-delivery': {
    steps: (correct, broke) => ({
      recordDelivery(deps, record) {
        if (record.next.status !== 'pending') return correct.recordDelivery(deps, record);
        broke();
        return correct.recordDelivery(deps, { ...record, next: { status: 'failed' } });
      },
    }),
  },
} as const satisfies Record<string, Sabotage>;

export type SabotageName = keyof typeof SABOTAGES;
export const SABOTAGE_NAMES = Object.keys(SABOTAGES) as SabotageName[];
