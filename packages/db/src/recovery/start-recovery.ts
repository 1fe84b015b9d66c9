import { newRecoveryId } from '@emr-payments/contracts';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';
import { lockClient, lockEndpoint } from '../locks/parent-rows.ts';
import { type RecoveryRecord, recoveryColumns } from './find-recovery.ts';

/** Most recoveries of one client that may be searching at a time: one for each endpoint that it can have. */
const MOST_SEARCHING = 50;

/**
 * Most recoveries of one client that have not ended. One that has found its events stays until the last delivery has ended, which
 * takes days where a receiver is down, and the choice of each turn reads all of them, those of all clients.
 */
const MOST_RUNNING = 200;

export type StartRecoveryInput = {
  clientPk: number;
  endpointId: string;
  /** The bounds are on the time at which an event was written. */
  since: Date;
  /** null, or later than now: now. */
  until: Date | null;
  by: Actor;
};

export type StartedRecovery =
  | { outcome: 'started'; recovery: RecoveryRecord }
  /** The endpoint is disabled or gone. */
  | { outcome: 'disabled' }
  /** The client has the most recoveries that may be searching, or that may be running. */
  | { outcome: 'limit_reached' };

const START = named({
  name: 'start-recovery',
  values: ['clientPk', 'endpointId', 'since', 'until', 'recoveryId', ...AUDIT_VALUES],
  text: `
    WITH endpoint AS MATERIALIZED (
      SELECT id FROM webhook_endpoints
       WHERE id = :endpointId AND client_pk = :clientPk AND deleted_at IS NULL AND disabled_at IS NULL
    ), r AS (
      INSERT INTO recoveries (id, endpoint_id, since, until, transaction_id)
      SELECT :recoveryId, endpoint.id, :since, least(:until::timestamptz, now()), pg_current_xact_id()::text::bigint
        FROM endpoint
       WHERE (SELECT count(*) FILTER (WHERE o.total IS NULL) < ${MOST_SEARCHING} AND count(*) < ${MOST_RUNNING}
                FROM recoveries o JOIN webhook_endpoints e ON e.id = o.endpoint_id
               WHERE e.client_pk = :clientPk AND o.state = 'running')
      RETURNING *
    ), ${auditCte({ from: 'r' })}
    SELECT EXISTS (SELECT FROM endpoint) AS enabled, ${recoveryColumns}, 0 AS pending
      FROM (SELECT) AS one LEFT JOIN r ON true`,
});

/**
 * Starts a recovery: writes its row, which a worker finds. What it sends, and when, is decided in `take-turn.ts`.
 *
 * @param tx the lock on the client, under which its recoveries are counted, lasts until its end; the lock on the endpoint makes it wait for
 *   one that disables or deletes the endpoint.
 */
export async function startRecovery(
  tx: Transaction,
  { clientPk, endpointId, since, until, by }: StartRecoveryInput,
): Promise<StartedRecovery> {
  await lockClient(tx, { clientPk });
  await lockEndpoint(tx, { clientPk, endpointId });
  const audit = auditValues({
    ...by,
    action: 'endpoint.recover',
    subject: `endpoint:${endpointId}`,
    outcome: 'done',
    detail: { since: since.toISOString(), until: until?.toISOString() ?? 'now' },
  });
  const values = START.values({ clientPk, endpointId, since, until, recoveryId: newRecoveryId(), ...audit });
  const [row] = await query<{ enabled: boolean; id: string | null }>(tx, START, values);
  if (row === undefined || !row.enabled) return { outcome: 'disabled' };
  if (row.id === null) return { outcome: 'limit_reached' };
  const { enabled: _, ...recovery } = row;
  return { outcome: 'started', recovery: recovery as RecoveryRecord };
}
