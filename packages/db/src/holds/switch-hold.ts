import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import type { Database } from '../core/database.ts';
import { JOBS_CHANNEL } from '../core/jobs-channel.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';
import { DECIDED, findLossInDoubt } from '../lineage/lineage-statements.ts';

/** The users whose posting a hold stops: all of them, or one. */
export type HoldScope = { userId: number; publicId: string } | 'all';

export const scopeName = (scope: HoldScope): string => (scope === 'all' ? 'all' : scope.publicId);

const START = named({
  name: 'start-hold',
  values: ['scope', 'userId', 'reason', ...AUDIT_VALUES],
  text: `
    WITH hold AS (
      INSERT INTO holds (scope, user_id, started_by, reason) VALUES (:scope::text, :userId::int, :actor, :reason)
      ON CONFLICT (scope) WHERE ended_at IS NULL DO NOTHING
      RETURNING id
    ), ${auditCte({ from: 'hold' })}
    SELECT id FROM hold`,
});

/**
 * Writes the hold. A claim that is already held may still send: `waitForClaims` waits for those.
 *
 * @returns false when the scope is on hold already.
 */
export async function startHold(
  deps: StatementDeps,
  { scope, reason, by }: { scope: HoldScope; reason: string | null; by: Actor },
): Promise<boolean> {
  const name = scopeName(scope);
  const audit = auditValues({
    ...by,
    action: 'hold.on',
    subject: `hold:${name}`,
    outcome: 'done',
    ...(reason === null ? {} : { detail: { reason } }),
  });
  const userId = scope === 'all' ? null : scope.userId;
  return (await query(deps, START, START.values({ scope: name, userId, reason, ...audit }))).length === 1;
}

/**
 * `beginRestore` locks the hold that it relies on (FOR SHARE). So this waits for a restore that is just being begun, and the next
 * statement's snapshot has it.
 */
const LOCK = {
  name: 'lock-hold',
  text: 'SELECT id FROM holds WHERE scope = $1 AND ended_at IS NULL FOR UPDATE',
};

/**
 * A restore that has not ended has not put every payment in doubt yet: until then nothing may be posted. Nor while it is undecided whether
 * commits were lost, unless the one who ends the hold decides it.
 */
const END = named({
  name: 'end-hold',
  values: ['scope', 'nothingLost', ...AUDIT_VALUES],
  text: `
    WITH unfinished AS (
      SELECT since FROM restores WHERE finished_at IS NULL LIMIT 1
    ), hold AS (
      UPDATE holds SET ended_at = now(), ended_by = :actor
       WHERE scope = :scope::text AND ended_at IS NULL AND NOT EXISTS (SELECT FROM unfinished)
         AND (:nothingLost::boolean OR user_id IS NOT NULL OR NOT EXISTS (SELECT FROM lineage WHERE doubted_at IS NOT NULL))
      RETURNING id, user_id
    ), decided AS (
      UPDATE lineage SET ${DECIDED} FROM hold WHERE :nothingLost::boolean AND hold.user_id IS NULL
    ), ${auditCte({ from: 'hold' })}, notified AS MATERIALIZED (
      SELECT pg_notify('${JOBS_CHANNEL}', '') FROM hold
    )
    SELECT (SELECT count(*)::int FROM hold LEFT JOIN notified ON true) AS ended, (SELECT since FROM unfinished) AS unfinished`,
});

export type HoldEnd =
  | { outcome: 'ended' }
  | { outcome: 'not_on' }
  /** The restore of a backup of this time was interrupted. */
  | { outcome: 'restore_unfinished'; since: Date }
  /** It is undecided whether the database has lost commits. */
  | { outcome: 'loss_in_doubt'; since: Date };

export type EndHoldInput = {
  scope: HoldScope;
  by: Actor;
  /** The operator says that the database has lost nothing: decides it, if it is in doubt. */
  nothingLost?: boolean;
};

/** Ends the hold of this scope and wakes the relays. A hold of another scope that covers the same user goes on. */
export async function endHoldIn(
  tx: Transaction,
  { scope, by, nothingLost = false }: EndHoldInput,
): Promise<HoldEnd> {
  const name = scopeName(scope);
  const audit = auditValues({
    ...by,
    action: 'hold.off',
    subject: `hold:${name}`,
    outcome: 'done',
    ...(nothingLost ? { detail: { nothing_lost: true } } : {}),
  });
  await query(tx, LOCK, [name]);
  type Row = { ended: number; unfinished: Date | null };
  const [row] = await query<Row>(tx, END, END.values({ scope: name, nothingLost, ...audit }));
  if (row !== undefined && row.unfinished !== null)
    return { outcome: 'restore_unfinished', since: row.unfinished };
  if (row?.ended === 1) return { outcome: 'ended' };
  const loss = scope === 'all' ? await findLossInDoubt(tx) : null;
  return loss === null || nothingLost
    ? { outcome: 'not_on' }
    : { outcome: 'loss_in_doubt', since: loss.since };
}

/** The same, in a transaction of its own. */
export const endHold = (
  { database }: { database: Pick<Database, 'pool'> },
  input: EndHoldInput,
): Promise<HoldEnd> =>
  inTransaction({ database }, async (tx) => ({ commit: true, value: await endHoldIn(tx, input) }));
