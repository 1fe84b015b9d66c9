import { type Actor, findEndpoint, redeliverEvent, type StatementDeps } from '@emr-payments/db';
import type { WriteResult } from '../idempotency/answer-once.ts';

type RedeliverInput = { clientPk: number; eventId: string; endpointId: string | null; by: Actor };

/** Sends an event again, to one endpoint or to all that want it. */
export async function redeliver(tx: StatementDeps, input: RedeliverInput): Promise<WriteResult> {
  const { clientPk, eventId, endpointId } = input;
  if (endpointId !== null) {
    const endpoint = await findEndpoint(tx, { clientPk, endpointId });
    if (endpoint === null) return { outcome: 'refused', code: 'endpoint_not_found' };
    if (endpoint.disabledAt !== null) return { outcome: 'refused', code: 'endpoint_disabled' };
  }
  const result = await redeliverEvent(tx, input);
  if (result.outcome === 'not_found') return { outcome: 'refused', code: 'event_not_found' };
  if (result.outcome === 'nothing_to_do') return { outcome: 'refused', code: 'nothing_to_redeliver' };
  const data = { event_id: eventId, endpoint_ids: result.endpointIds };
  return { outcome: 'answered', body: { success: true, message: 'On its way again.', data } };
}
