import { type Actor, clip } from '../audit/entry.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { REDELIVER_COLUMNS, REDELIVER_ONE, REDELIVER_SET } from './redeliver-statement.ts';

export type RedeliverInput = {
  /** `evt_…` */
  eventId: string;
  /** The client whose event it must be; null: any client's, for the operator. */
  clientPk: number | null;
  /** Only to this endpoint; null: to every enabled one that wants events of this type. */
  endpointId: string | null;
  by: Actor;
  /** Of the request's span, where it is traced: the delivery continues that trace. */
  traceparent?: string;
};

export type RedeliverOutcome =
  /** Ids of the endpoints that the event is sent to again. */
  | { outcome: 'redelivering'; endpointIds: string[] }
  /** The endpoint that is named; also one of another client than the event's. */
  | { outcome: 'endpoint_not_found' }
  | { outcome: 'endpoint_disabled' }
  /** The event. */
  | { outcome: 'not_found' }
  /** Its deliveries to all endpoints that it would be sent to are still pending: the ids of these. */
  | { outcome: 'pending'; endpointIds: string[] }
  /** No enabled endpoint wants its type. */
  | { outcome: 'no_endpoint' };

type Fact =
  | { n: number; fact: 'event' | 'enabled' | 'disabled'; endpoint_id: null }
  | { n: number; fact: 'sent' | 'wanted'; endpoint_id: string }
  | { n: null; fact: 'notified'; endpoint_id: null };

const valuesOf = ({ eventId, clientPk, endpointId, by, traceparent }: RedeliverInput) =>
  ({
    event_id: eventId,
    client_pk: clientPk,
    endpoint_id: endpointId,
    actor: clip(by.actor),
    user_id: by.user ?? null,
    source: clip(by.source),
    traceparent: traceparent ?? null,
  }) satisfies Record<keyof typeof REDELIVER_COLUMNS, unknown>;

const COLUMNS = Object.keys(REDELIVER_COLUMNS) as (keyof typeof REDELIVER_COLUMNS)[];

function outcomeOf({ endpointId }: RedeliverInput, facts: readonly Fact[]): RedeliverOutcome {
  const is = (fact: Fact['fact']) => facts.some((each) => each.fact === fact);
  if (endpointId !== null && !is('enabled'))
    return { outcome: is('disabled') ? 'endpoint_disabled' : 'endpoint_not_found' };
  if (!is('event')) return { outcome: 'not_found' };
  const idsOf = (fact: 'sent' | 'wanted') =>
    facts.flatMap((each) => (each.fact === fact ? [each.endpoint_id] : [])).sort();
  const [sent, wanted] = [idsOf('sent'), idsOf('wanted')];
  if (sent.length > 0) return { outcome: 'redelivering', endpointIds: sent };
  return wanted.length > 0 ? { outcome: 'pending', endpointIds: wanted } : { outcome: 'no_endpoint' };
}

/**
 * Sends an event again, byte for byte, at the request of a person or a client: deliveries that have ended become pending again, and
 * an endpoint that did not exist or was disabled when the event was written gets one now. A delivery that is still pending is left
 * alone. A redelivery goes through the whole schedule of attempts.
 */
export async function redeliverEvent(deps: StatementDeps, input: RedeliverInput): Promise<RedeliverOutcome> {
  const values = valuesOf(input);
  const facts = await query<Fact>(
    deps,
    REDELIVER_ONE,
    COLUMNS.map((column) => values[column]),
  );
  return outcomeOf(input, facts);
}

/**
 * Sends events again, in one statement. Each request has the outcome that it would have if they came one after the other. The relays are
 * not notified.
 *
 * @param deps connections whose statements are planned once: array statements would be planned at every call.
 * @returns an outcome for each input, in order.
 */
export async function redeliverEvents(
  deps: StatementDeps,
  inputs: readonly RedeliverInput[],
): Promise<RedeliverOutcome[]> {
  const rows = inputs.map(valuesOf);
  const facts = await query<Fact>(
    deps,
    REDELIVER_SET,
    COLUMNS.map((column) => rows.map((row) => row[column])),
  );
  const factsOf = inputs.map((): Fact[] => []);
  for (const fact of facts) if (fact.n !== null) factsOf[fact.n - 1]?.push(fact);
  return inputs.map((input, index) => outcomeOf(input, factsOf[index] ?? []));
}
