import { setTimeout as pause } from 'node:timers/promises';
import { uuidToPaymentId } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { HoldScope } from './switch-hold.ts';

/**
 * The transactions that write to `jobs` or lock rows of it, among them every claim and every `begin-attempt`. A reader such as
 * pg_dump is not among them.
 */
const WRITERS = {
  name: 'writers-of-jobs',
  text: `
    SELECT DISTINCT virtualtransaction AS id FROM pg_locks
     WHERE locktype = 'relation' AND relation = 'jobs'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()
       AND ($1::text[] IS NULL OR virtualtransaction = ANY ($1))`,
};

const IN_SCOPE = `kind = 'post_payment' AND lease_until IS NOT NULL
         AND ($1::int IS NULL OR lane_id = (SELECT lane_id FROM connections WHERE user_id = $1))`;

/** As the sweeper does it: the job waits again and keeps its fence, so an answer that its holder still records counts. */
const TAKE_BACK_LAPSED = {
  name: 'take-back-lapsed',
  text: `
    WITH lapsed AS (
      SELECT id FROM jobs WHERE ${IN_SCOPE} AND lease_until <= now() FOR UPDATE SKIP LOCKED
    )
    UPDATE jobs SET queued_at = NULL, lease_until = NULL FROM lapsed WHERE jobs.id = lapsed.id`,
};

const CLAIMED = {
  name: 'claimed-postings',
  text: `SELECT payment_id FROM jobs WHERE ${IN_SCOPE} ORDER BY lease_until, id`,
};

/** Work that may still send: postings in hand, or transactions that may have begun before the hold. */
export type InHand = { paymentIds: string[]; transactions: number };

const POLL_MS = 50;

/**
 * Waits, after `startHold` has committed, until no worker can send a request for a payment in scope any more.
 *
 * Why nothing leaves afterwards:
 * 1. A claim or a `begin-attempt` that sees the hold begins nothing. One that does not see it has a snapshot from before the
 *    hold's commit. PostgreSQL locks a statement's tables before it takes the snapshot that the statement runs with (so that a
 *    statement which waited for LOCK TABLE sees what the holder of the lock committed), and keeps the locks until the
 *    transaction ends. So every transaction that does not see the hold has its lock on `jobs` when we list the locks, which is
 *    after the hold's commit; a set of claims too, which is one statement. We wait for the end of each listed one: then all claims
 *    that do not see the hold are visible as leases.
 * 2. We wait for every lease. A lease is released in the commit that records the call's outcome, so the call has ended;
 *    `begin-attempt` puts the job of a claim from before the hold back.
 * 3. The lease of a worker that is dead, frozen or cut off lapses. A lapsed lease is removed, here or by the sweeper, and
 *    neither a renewal nor `begin-attempt` accepts a job without a lease. A renewal that is under way at the same moment holds the row's lock:
 *    it is skipped, and its lease is waited for. If a frozen worker wakes now, its own clock says that its lease has run
 *    out (500 ms before PostgreSQL's does): `mayStillSend` stops a request that it had begun, and a look-up is not begun.
 *
 * One case is left open, as by any lease: a process that is frozen in the microseconds between that check and
 * the write to the socket; and a list of names or a look-up with several pages, of a worker that lost its claim in the middle
 * of it, may ask for its next page. Neither writes anything that was not begun before the hold.
 *
 * @param input.onWait called whenever what it waits for has changed.
 * @returns what is still in hand when `waitMs` is over; nothing when the wait succeeded.
 */
export async function waitForClaims(
  deps: StatementDeps,
  { scope, waitMs, onWait }: { scope: HoldScope; waitMs: number; onWait: (inHand: InHand) => void },
): Promise<InHand> {
  const deadline = performance.now() + waitMs;
  const userId = scope === 'all' ? null : scope.userId;
  const writersOf = async (among: string[] | null): Promise<string[]> =>
    (await query<{ id: string }>(deps, WRITERS, [among])).map(({ id }) => id);
  let earlier = await writersOf(null);
  let shown = '';
  for (;;) {
    if (earlier.length > 0) earlier = await writersOf(earlier);
    const settled = earlier.length === 0;
    await query(deps, TAKE_BACK_LAPSED, [userId]);
    const claimed = await query<{ payment_id: string }>(deps, CLAIMED, [userId]);
    const inHand = {
      paymentIds: claimed.map((row) => uuidToPaymentId(row.payment_id)),
      transactions: earlier.length,
    };
    if (settled && claimed.length === 0) return inHand;
    const now = `${claimed.length} ${earlier.length}`;
    if (now !== shown) onWait(inHand);
    shown = now;
    if (performance.now() >= deadline) return inHand;
    await pause(POLL_MS);
  }
}
