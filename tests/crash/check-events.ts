import type { Stored } from './records.ts';
import { type Case, type Complain, type EventBody, isNamed } from './rules.ts';

const TYPE_OF: Readonly<Record<string, string>> = {
  posted: 'payment.created',
  failed: 'payment.failed',
  needs_review: 'payment.review_required',
};

function agrees(one: Case, payment: Stored, event: EventBody): boolean {
  const { requested } = one;
  if (event.type !== TYPE_OF[payment.status]) return false;
  const jobIds = requested.tries.flatMap(({ jobId }) => jobId ?? []);
  if (jobIds.length > 0 && !jobIds.some((jobId) => String(jobId) === event.jobId)) return false;
  if (payment.status !== 'posted') return true;
  const named = isNamed(one, event.transactionId) && event.transactionId === payment.emrTransactionId;
  return named && event.reference === requested.reference && event.amount === requested.amount;
}

/** True when the sequences of the distinct events are 1, 2 … in some order: arrival has none. */
function numberedFromOne(events: Case['events']): boolean {
  const sequences = [...new Map(events.map(({ event }) => [event.id, event.sequence])).values()];
  return (
    new Set(sequences).size === sequences.length && sequences.every((place) => isPlace(place, sequences))
  );
}

const isPlace = (place: number | null, all: readonly unknown[]): boolean =>
  Number.isInteger(place) && Number(place) >= 1 && Number(place) <= all.length;

/** Checks that a payment has one event, delivered at least once to each endpoint of its client and to no other. */
export function checkEvents(one: Case, complain: Complain): void {
  const { requested, stored, events } = one;
  const { reference, endpoints } = requested;
  const bodies = new Set(events.map(({ eventId, body }) => `${eventId} ${body}`));
  if (bodies.size > 1) complain('two events for one payment', reference, [...bodies].join('\n'));
  if (!numberedFromOne(events)) {
    complain('events of a payment are not numbered from 1', reference, [...bodies].join('\n'));
  }
  for (const { eventId, event, endpoint, verified } of events) {
    if (!verified || event.id !== eventId) complain('event is not signed by us', reference, eventId);
    if (!endpoints.includes(endpoint)) complain('event without a request', reference, endpoint);
  }
  for (const payment of stored) {
    const type = TYPE_OF[payment.status];
    if (type === undefined) continue;
    for (const endpoint of endpoints) {
      const delivered = events.some((got) => got.endpoint === endpoint && got.answered < 300);
      if (!delivered) complain('event is missing', reference, `${type} at ${endpoint}`);
    }
    const wrong = events.find(({ event }) => !agrees(one, payment, event));
    if (wrong !== undefined) complain('event differs from the payment', reference, wrong.body);
  }
}
