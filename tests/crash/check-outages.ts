import type { Outages, Received } from './records.ts';
import type { Complain } from './rules.ts';

const isOfConnection = ({ body }: Received): boolean =>
  (JSON.parse(body) as { type: string }).type.startsWith('connection.');

/** Takes the events of connections from those of payments. */
export function splitReceived(received: readonly Received[]): {
  ofPayments: Received[];
  ofConnections: Received[];
} {
  const ofConnections = received.filter(isOfConnection);
  return { ofConnections, ofPayments: received.filter((request) => !isOfConnection(request)) };
}

type OutageEvent = { userId: string; type: string; sequence: number };

function read({ body }: Received): OutageEvent {
  const event = JSON.parse(body) as {
    type: string;
    access_token_reference_id: string;
    data: { sequence: number };
  };
  return { userId: event.access_token_reference_id, type: event.type, sequence: event.data.sequence };
}

/**
 * Checks that each outage of a connection has one event at its beginning and one at its end, in this order of their numbers, delivered at
 * least once to each endpoint of its client and to no other.
 */
export function checkOutages(
  { outages, received }: { outages: readonly Outages[]; received: readonly Received[] },
  complain: Complain,
): void {
  const events = received.map((request) => ({ ...request, ...read(request) }));
  for (const { eventId, userId } of events) {
    if (!outages.some((one) => one.userId === userId)) complain('event without a request', eventId, userId);
  }
  for (const { userId, endpoints, count, isOpen } of outages) {
    const own = events.filter((event) => event.userId === userId);
    for (const { eventId, endpoint, verified } of own) {
      if (!verified) complain('event is not signed by us', userId, eventId);
      if (!endpoints.includes(endpoint)) complain('event without a request', userId, endpoint);
    }
    const last = 2 * count - (isOpen ? 1 : 0);
    for (let sequence = 1; sequence <= last; sequence += 1) {
      const type = sequence % 2 === 1 ? 'connection.broken' : 'connection.restored';
      const these = own.filter((event) => event.sequence === sequence);
      const bodies = new Set(these.map(({ eventId, body }) => `${eventId} ${body}`));
      if (bodies.size > 1 || these.some((event) => event.type !== type))
        complain('events of an outage are not one of each', userId, [...bodies].join('\n'));
      for (const endpoint of endpoints) {
        if (!these.some((event) => event.endpoint === endpoint && event.answered < 300))
          complain('event is missing', userId, `${type} ${sequence} at ${endpoint}`);
      }
    }
    const beyond = own.filter(({ sequence }) => !(sequence >= 1 && sequence <= last));
    for (const { body } of beyond) complain('events of an outage are not one of each', userId, body);
  }
}
