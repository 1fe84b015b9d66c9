import { type Api, bodyOf, type CallOptions, keyed, notOurs, stoppable, type WriteOptions } from './api.ts';
import { type Listing, listing } from './listing.ts';
import type {
  Connection,
  EventRedelivering,
  Job,
  ListEvents,
  Locations,
  PaymentMethods,
  Reconciliation,
  ReconciliationDay,
  RedeliverEvent,
  StoredEvent,
  SyncBody,
  SyncStarted,
} from './schemas.ts';

/** `/v1/jobs`. */
export function jobMethods(api: Api) {
  return {
    /** @param jobId a number, as in answers, or a string, as in events. */
    async get(jobId: number | string, options: CallOptions = {}): Promise<Job> {
      const params = { path: { job_id: String(jobId) } };
      return (await bodyOf(api.GET('/v1/jobs/{job_id}', { params, ...stoppable(options) }))).data;
    },
  };
}

/** `/v1/reconciliation`: the totals of one deposit date, to compare with the EMR's day sheet. */
export function reconciliationMethods(api: Api) {
  return {
    async get(day: ReconciliationDay, options: CallOptions = {}): Promise<Reconciliation> {
      const params = { query: { ...day, format: 'json' as const } };
      const { data, response } = await api.GET('/v1/reconciliation', { params, ...stoppable(options) });
      if (data === undefined || typeof data === 'string') throw notOurs(response);
      return data.data;
    },

    /** Returns the same data as CSV, for a spreadsheet. */
    csv(day: ReconciliationDay, options: CallOptions = {}): Promise<string> {
      const params = { query: { ...day, format: 'csv' as const } };
      return bodyOf(api.GET('/v1/reconciliation', { params, parseAs: 'text', ...stoppable(options) }));
    },
  };
}

/** `/v1/connection`: the payment methods, locations and fields that the user's EMR accepts. */
export function connectionMethods(api: Api) {
  return {
    async get(options: CallOptions = {}): Promise<Connection> {
      return (await bodyOf(api.GET('/v1/connection', stoppable(options)))).data;
    },

    /** The EMR's payment methods, as they were read from it last (`synced_at`). Makes no call to the EMR. */
    async paymentMethods(options: CallOptions = {}): Promise<PaymentMethods> {
      return (await bodyOf(api.GET('/v1/payment-methods', stoppable(options)))).data;
    },

    /** The EMR's locations, as they were read from it last (`synced_at`). Makes no call to the EMR. */
    async locations(options: CallOptions = {}): Promise<Locations> {
      return (await bodyOf(api.GET('/v1/locations', stoppable(options)))).data;
    },

    /** Starts a sync of patients, payment methods and locations, if none is under way. `jobs.get` shows how far it is. */
    async sync(body: SyncBody = {}, options: WriteOptions = {}): Promise<SyncStarted> {
      const params = { header: keyed(options) };
      return bodyOf(api.POST('/v1/sync', { params, body, ...stoppable(options) }));
    },
  };
}

/** `/v1/events`: the events that were sent to you, as long as they are stored. */
export function eventMethods(api: Api) {
  return {
    list(query: ListEvents = {}, options: CallOptions = {}): Listing<StoredEvent> {
      return listing((cursor) => {
        const params = { query: { ...query, ...(cursor === undefined ? {} : { cursor }) } };
        return bodyOf(api.GET('/v1/events', { params, ...stoppable(options) }));
      }, query.cursor);
    },

    async get(eventId: string, options: CallOptions = {}): Promise<StoredEvent> {
      const params = { path: { id: eventId } };
      return (await bodyOf(api.GET('/v1/events/{id}', { params, ...stoppable(options) }))).data;
    },

    /** Sends an event again, byte for byte, to one endpoint or to all that subscribe to its type. */
    async redeliver(
      eventId: string,
      to: RedeliverEvent = {},
      options: WriteOptions = {},
    ): Promise<EventRedelivering> {
      const params = { path: { id: eventId }, header: keyed(options) };
      const call = api.POST('/v1/events/{id}/redeliver', { params, body: to, ...stoppable(options) });
      return (await bodyOf(call)).data;
    },
  };
}
