import {
  type ErrorCode,
  EventListSchema,
  EventReplySchema,
  type ListEventsQuery,
  ListEventsQuerySchema,
  RedeliverBodySchema,
  RedeliverReplySchema,
  type StoredEvent,
} from '@emr-payments/contracts';
import {
  findEvent,
  type OnceOutcome,
  pageOfEvents,
  type RedeliverOutcome,
  type SoughtId,
} from '@emr-payments/db';
import { activeSpan, traceHeaders, within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { actorOf, clientOf } from '../auth/authenticate-client-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { emptyBodyAsObject } from '../http/json-body.ts';
import { pageFrom, pageOf, timeFrom } from '../http/page.ts';
import { answerWith, type Change, type WriteResult } from '../idempotency/answer-once.ts';
import type { Limits } from '../limits.ts';
import { componentRef } from '../openapi/component-ref.ts';
import { WEBHOOK_FIELD_RULES as fieldRules } from './field-rules.ts';
import { clientOperation, EventParams, type WebhookDeps } from './operation.ts';

const eventOf = ({ body }: { body: string }) => JSON.parse(body) as StoredEvent;

/** `/v1/events`: reading events, and sending one again, for a receiver that was down. */
export const eventRoutes: FastifyPluginAsyncTypebox<WebhookDeps & { limits: Limits }> = async (app, deps) => {
  const { database } = deps;
  const patiently = <T>(work: Promise<T>) => within(deps.limits.waitMs, work);

  app.route({
    method: 'GET',
    url: '/v1/events',
    schema: {
      ...clientOperation({
        operationId: 'listEvents',
        tag: 'Events',
        summary: 'List events',
        description:
          'All events of all your users, newest first, whether or not an endpoint got them. They are kept for 30 days ' +
          'unless the operator configures another time. Poll with `created_after` one minute before your newest event, and ' +
          'recognise duplicates by `id`.',
        reply: EventListSchema,
        errors: ['invalid_field', 'read_too_costly'],
      }),
      querystring: ListEventsQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const { query } = request;
      const read = pageFrom(request);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      const { page } = read;
      const { clientPk } = clientOf(request);
      const filter = {
        clientPk,
        type: query.type,
        jobId: query.job_id === undefined ? undefined : BigInt(query.job_id),
        paymentId: query.payment_id,
        createdAfter: query.created_after === undefined ? undefined : timeFrom(query.created_after),
        after: page.after,
        limit: page.limit + 1,
      };
      const rows = await patiently(deps.costly.run({ clientPk }, (costly) => pageOfEvents(costly, filter)));
      if (rows.length === 0) reply.soughtId = soughtBy(query);
      const { rows: shown, ...more } = pageOf(rows, { ...page, placeOf: (row) => row });
      return reply.send({ success: true, message: 'Events.', data: shown.map(eventOf), ...more });
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/events/:id',
    schema: {
      ...clientOperation({
        operationId: 'getEvent',
        tag: 'Events',
        summary: 'Read an event',
        description:
          'The same body as that of a webhook that is not thin. Events are kept for a limited time.',
        reply: EventReplySchema,
        errors: ['event_not_found'],
      }),
      params: EventParams,
    },
    handler: async (request, reply) => {
      const key = { clientPk: clientOf(request).clientPk, eventId: request.params.id };
      const event = await patiently(findEvent({ database }, key));
      if (event === null) return sendError(request, reply, 'event_not_found');
      return reply.send({ success: true, message: 'Event.', data: eventOf(event) });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/events/:id/redeliver',
    schema: {
      ...clientOperation({
        operationId: 'redeliverEvent',
        tag: 'Events',
        summary: 'Send an event again',
        description:
          'Sends the same event under the same id, so that a receiver that has it recognises the duplicate. The schedule of ' +
          'attempts starts from the beginning. The body may be left out.',
        reply: RedeliverReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['event_not_found', 'endpoint_not_found', 'endpoint_disabled', 'nothing_to_redeliver'],
      }),
      params: EventParams,
      body: componentRef(RedeliverBodySchema),
    },
    config: { fieldOrder: Object.keys(RedeliverBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { clientPk } = clientOf(request);
      const eventId = request.params.id;
      const endpointId = request.body.endpoint_id ?? null;
      const given = {
        clientPk,
        eventId,
        endpointId,
        by: actorOf(request),
        ...traceHeaders(activeSpan()),
      };
      const perform = async ({ request: key, remember }: Change): Promise<OnceOutcome<WriteResult>> => {
        const asked = {
          ...given,
          request: key,
          remember: (result: RedeliverOutcome) => remember(answerTo(given, result)),
        };
        const once = await deps.redeliveries.redeliver(asked);
        return once.outcome === 'done' ? { ...once, result: answerTo(given, once.result) } : once;
      };
      return patiently(answerWith(deps, { request, reply }, perform));
    },
  });
};

/** The record by which the events were filtered: one that is another tenant's is recorded in the audit log. */
function soughtBy({ payment_id, job_id }: ListEventsQuery): SoughtId | null {
  if (payment_id !== undefined) return { kind: 'payment', id: payment_id };
  return job_id === undefined ? null : { kind: 'job', id: job_id };
}

const NOT_SOONER =
  'Its deliveries show when that is (`next_attempt_at`). To send now what waits, disable the endpoint, enable it again, and recover it.';
const NAME_ENDPOINT =
  'Name an endpoint by `endpoint_id` to send it to one that does not subscribe to its type.';

/** Gives the answer to a redelivery, to one endpoint or to all that subscribe to the event's type. */
function answerTo({ eventId }: { eventId: string }, result: RedeliverOutcome): WriteResult {
  const refused = (code: ErrorCode): WriteResult => ({ outcome: 'refused', code });
  switch (result.outcome) {
    case 'redelivering': {
      const data = { event_id: eventId, endpoint_ids: result.endpointIds };
      return { outcome: 'answered', body: { success: true, message: 'On its way again.', data } };
    }
    case 'not_found':
      return refused('event_not_found');
    case 'pending':
      return {
        outcome: 'refused',
        code: 'nothing_to_redeliver',
        details: { endpoint: result.endpointIds.join(', '), hint: NOT_SOONER },
      };
    case 'no_endpoint':
      return { outcome: 'refused', code: 'nothing_to_redeliver', details: { hint: NAME_ENDPOINT } };
    default:
      return refused(result.outcome);
  }
}
