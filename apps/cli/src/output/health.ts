import type { BrokenConnection, StoredHealth } from '@emr-payments/db';
import { counted } from '@emr-payments/runtime';

/** Shows how a connection is, in fields. */
export function healthShown(stored: StoredHealth | null) {
  const health = stored?.health ?? null;
  return {
    connection_state: health?.state ?? null,
    since: health?.since ?? null,
    last_success_at: health?.lastSuccessAt ?? null,
    last_trouble: health?.lastTrouble?.code ?? null,
    last_trouble_reason: health?.lastTrouble?.detail ?? null,
    last_trouble_at: health?.lastTrouble?.at ?? null,
  };
}

/** Says that a connection is broken, and what waits for it, before a list of payments. */
export function brokenLine({ userPublicId, state, since, waiting, detail }: BrokenConnection): string {
  const payments = counted(waiting, { one: 'payment waits', many: 'payments wait' });
  return `The connection of ${userPublicId} is ${state} since ${since.toISOString()}: ${payments}. ${detail ?? ''}`.trimEnd();
}
