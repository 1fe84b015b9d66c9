import type { ErrorDetails, RecoverBody } from '@emr-payments/contracts';
import { type Actor, findEndpoint, startRecovery, type Transaction } from '@emr-payments/db';
import { endFrom, timeFrom } from '../http/page.ts';
import type { WriteResult } from '../idempotency/answer-once.ts';
import { recoveryView } from './delivery-view.ts';

type RecoverInput = { clientPk: number; endpointId: string; body: RecoverBody; by: Actor };

const bad = (details: ErrorDetails): WriteResult => ({ outcome: 'refused', code: 'invalid_field', details });

/** Starts a recovery of all events of a period that an endpoint missed. The workers carry it out. */
export async function recover(
  tx: Transaction,
  { clientPk, endpointId, body, by }: RecoverInput,
): Promise<WriteResult> {
  const now = new Date();
  const since = timeFrom(body.since);
  const until = body.until === undefined ? now : endFrom(body.until);
  if (since >= until)
    return bad({ field: 'since', rule: 'must be earlier than until, which is now by default' });

  const endpoint = await findEndpoint(tx, { clientPk, endpointId });
  if (endpoint === null) return { outcome: 'refused', code: 'endpoint_not_found' };
  const end = body.until === undefined ? null : until;
  const started = await startRecovery(tx, { clientPk, endpointId, since, until: end, by });
  if (started.outcome === 'disabled') return { outcome: 'refused', code: 'endpoint_disabled' };
  if (started.outcome === 'limit_reached') return { outcome: 'refused', code: 'recovery_limit_reached' };
  const message = 'Recovering. GET the recovery to follow it.';
  return { outcome: 'answered', body: { success: true, message, data: recoveryView(started.recovery) } };
}
