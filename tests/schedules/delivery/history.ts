import type { AttemptRow, DeliveryRow, EndpointRow, JobRow, LogRow } from '../delivery-log.ts';

/** Something that changed at a time. Of what happened in one step, no order is known. */
export type Changed<T> = { at: number; is: T };

/** All that could be read at a time: what was written last before it, and what was written in the same step. */
export function seenAt<T>(changes: readonly Changed<T>[], at: number): Changed<T>[] {
  const before = changes.filter((each) => each.at < at).slice(-1);
  return [...before, ...changes.filter((each) => each.at === at)];
}

/** The life of one delivery. */
export type Delivery = {
  eventId: string;
  endpointId: string;
  changes: Changed<DeliveryRow>[];
  attempts: Changed<AttemptRow>[];
  removed: Changed<DeliveryRow> | null;
};

export type JobStep = { what: 'fed' | 'claimed' | 'freed' | 'ended'; at: number; is: JobRow };

/** What the log says, by what it is about. */
export type History = {
  /** With the time at which each was published. */
  events: Map<string, Changed<{ type: string; body: string }>>;
  deliveries: Map<string, Delivery>;
  endpoints: Map<string, Changed<EndpointRow>[]>;
  jobs: Map<string, JobStep[]>;
  /** The steps of all jobs of a lane. */
  lanes: Map<number, (JobStep & { job: string })[]>;
};

function listOf<K, T>(lists: Map<K, T[]>, key: K): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

export function historyOf(log: readonly LogRow[]): History {
  const history: History = {
    events: new Map(),
    deliveries: new Map(),
    endpoints: new Map(),
    jobs: new Map(),
    lanes: new Map(),
  };
  for (const row of log) note(history, row);
  return history;
}

function note({ events, deliveries, endpoints, jobs, lanes }: History, { what, at, id, data }: LogRow): void {
  const changed = <T>(is: T): Changed<T> => ({ at, is });
  switch (what) {
    case 'event':
      events.set(id, changed(data));
      break;
    case 'endpoint':
      listOf(endpoints, id).push(changed(data));
      break;
    case 'delivery': {
      const { event_id: eventId, endpoint_id: endpointId } = data;
      const known = deliveries.get(id) ?? { eventId, endpointId, changes: [], attempts: [], removed: null };
      deliveries.set(id, known);
      known.changes.push(changed(data));
      break;
    }
    case 'delivery removed': {
      const known = deliveries.get(id);
      if (known !== undefined) known.removed = changed(data);
      break;
    }
    case 'attempt':
      deliveries.get(id)?.attempts.push(changed(data));
      break;
    case 'job fed':
    case 'job claimed':
    case 'job freed':
    case 'job ended': {
      const step = { what: what.slice('job '.length) as JobStep['what'], at, is: data };
      listOf(jobs, id).push(step);
      listOf(lanes, data.lane_id).push({ ...step, job: id });
      break;
    }
  }
}

export const isEnabled = ({ is }: Changed<EndpointRow>): boolean =>
  is.disabled_at === null && is.deleted_at === null;

export const wants = ({ is: { event_types: types } }: Changed<EndpointRow>, type: string): boolean =>
  types.length === 0 || types.includes(type);
