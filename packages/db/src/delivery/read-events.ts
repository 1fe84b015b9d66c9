import { paymentIdToUuid } from '@emr-payments/contracts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { PageAfter } from '../endpoints/endpoint-record.ts';

export type EventFilter = {
  clientPk: number;
  type?: string | undefined;
  jobId?: bigint | undefined;
  /** 32 lower-case hex digits. */
  paymentId?: string | undefined;
  createdAfter?: Date | undefined;
  after: PageAfter | null;
  limit: number;
};

/** `body` is the exact text that was signed and sent, in the newest payload version. */
export type EventRow = { id: string; createdAt: Date; body: string };

/**
 * Builds the statement of `pageOfEvents`. It has no name because the best index depends on the values: each call is planned for
 * its own.
 */
export function eventsStatement(filter: EventFilter): { text: string; values: unknown[] } {
  const { clientPk, type, jobId, paymentId, createdAfter, after, limit } = filter;
  const values: unknown[] = [clientPk, limit];
  const conditions = ['e.client_pk = $1'];
  const add = (condition: (n: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (type !== undefined) add((n) => `e.type = ${n}`, type);
  // A job's events are those of its payment; the index is on the payment.
  if (jobId !== undefined)
    add((n) => `e.payment_id = (SELECT id FROM payments WHERE job_id = ${n})`, String(jobId));
  if (paymentId !== undefined) add((n) => `e.payment_id = ${n}`, paymentIdToUuid(paymentId));
  if (createdAfter !== undefined) add((n) => `e.created_at > ${n}`, createdAfter);
  if (after !== null) {
    values.push(after.createdAt, after.id);
    conditions.push(`(e.created_at, e.id) < ($${values.length - 1}::timestamptz, $${values.length}::text)`);
  }
  const text = `
    SELECT e.id, e.created_at AS "createdAt", e.body FROM events e WHERE ${conditions.join(' AND ')}
     ORDER BY e.created_at DESC, e.id DESC LIMIT $2`;
  return { text, values };
}

/** Lists the events of one client, newest first. */
export async function pageOfEvents(deps: StatementDeps, filter: EventFilter): Promise<EventRow[]> {
  const { text, values } = eventsStatement(filter);
  return query<EventRow>(deps, { text }, values);
}

const FIND = {
  name: 'find-event',
  text: 'SELECT id, created_at AS "createdAt", body FROM events WHERE id = $1 AND client_pk = $2',
};

/** Finds one event; null when there is none of that id, or it is another client's. */
export async function findEvent(
  deps: StatementDeps,
  { clientPk, eventId }: { clientPk: number; eventId: string },
): Promise<EventRow | null> {
  const [row] = await query<EventRow>(deps, FIND, [eventId, clientPk]);
  return row ?? null;
}
