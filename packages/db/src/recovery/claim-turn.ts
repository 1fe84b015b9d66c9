import { query, type StatementDeps } from '../core/statements.ts';

/** One turn of one recovery. Like a claim: who holds an older turn can change nothing. */
export type Turn = { recoveryId: string; turn: number };

/** A turn that its worker did not end, because it died or failed, is given again after this time. */
const LOST_AFTER_SECONDS = 10;

/** No transaction that writes an event takes longer: every statement of ours is stopped after 5 s. */
const LONGEST_TRANSACTION_SECONDS = 10;

/**
 * Gives the next turn: to the client whose last one is the longest ago, so that a client with many recoveries gets as many
 * turns as a client with one. The recoveries of one endpoint are searched one after the other; that they follow their
 * deliveries goes on beside it.
 *
 * A new recovery waits until every transaction that had begun to write before it has ended. An event of the period that one of
 * them commits later would lie behind the search. Transactions that only read have no id and hold nothing up, and no recovery
 * waits longer than a transaction of ours can take: an import, or another database of the server, may write for hours. An id from
 * after the server's next one is of another server, from which this database was restored.
 */
const CLAIM = {
  name: 'claim-recovery-turn',
  text: `
    WITH running AS MATERIALIZED (
      SELECT r.id, r.total IS NULL AS searching, r.turn_at, r.created_at,
             max(r.turn_at) OVER (PARTITION BY e.client_pk) AS client_turn_at,
             row_number() OVER (PARTITION BY r.endpoint_id, r.total IS NULL ORDER BY r.created_at, r.id) AS place
        FROM recoveries r JOIN webhook_endpoints e ON e.id = r.endpoint_id
       WHERE r.state = 'running'
    ), next AS MATERIALIZED (
      SELECT r.id FROM running JOIN recoveries r ON r.id = running.id
       WHERE (running.place = 1 OR NOT running.searching) AND r.state = 'running' AND r.next_turn_at <= now()
         AND (r.transaction_id IS NULL OR r.created_at < now() - interval '${LONGEST_TRANSACTION_SECONDS} seconds' OR r.transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
              OR r.transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
       ORDER BY running.client_turn_at NULLS FIRST, running.turn_at NULLS FIRST, running.created_at, running.id
       LIMIT 1 FOR UPDATE OF r SKIP LOCKED
    )
    UPDATE recoveries r SET turns = r.turns + 1, turn_at = clock_timestamp(),
           next_turn_at = now() + interval '${LOST_AFTER_SECONDS} seconds'
      FROM next WHERE r.id = next.id
    RETURNING r.id, r.turns`,
};

/** @returns null when no recovery has anything to do now. */
export async function claimTurn(deps: StatementDeps): Promise<Turn | null> {
  const [row] = await query<{ id: string; turns: number }>(deps, CLAIM, []);
  return row === undefined ? null : { recoveryId: row.id, turn: row.turns };
}
