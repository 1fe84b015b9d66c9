import {
  OperatorRedeliverBodySchema,
  OperatorRedeliveredReplySchema,
} from '@emr-payments/contracts/operator';
import { redeliverEvent } from '@emr-payments/operations';
import { activeSpan, traceHeaders } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { emptyBodyAsObject } from '../../http/json-body.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, noSuch, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { EventParams, operatorOperation } from '../operation.ts';

/** `POST /operator/v1/events/{event_id}/redeliver`: an event is sent again. What is in it is shown by the integrators' API alone. */
export const eventRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  app.route({
    method: 'POST',
    url: '/operator/v1/events/:event_id/redeliver',
    schema: {
      ...operatorOperation({
        operationId: 'redeliverEvent',
        tag: 'Clients',
        summary: 'Send an event again',
        description:
          'Byte for byte, to every enabled endpoint of its client that wants its type, or to one. A delivery that is still pending is left alone. The body may be left out.',
        scope: 'clients:write',
        reply: OperatorRedeliveredReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['record_not_found', 'state_refused'],
      }),
      params: EventParams,
      body: componentRef(OperatorRedeliverBodySchema),
    },
    config: { fieldOrder: Object.keys(OperatorRedeliverBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { event_id: eventId } = request.params;
      const endpointId = request.body.endpoint_id ?? null;
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const result = await redeliverEvent(tx, {
          eventId,
          clientPk: null,
          endpointId,
          by,
          ...traceHeaders(activeSpan()),
        });
        switch (result.outcome) {
          case 'not_found':
            return noSuch('event');
          case 'endpoint_not_found':
            return noSuch('webhook endpoint');
          case 'endpoint_disabled':
            return stateRefused('The webhook endpoint is disabled. Enable it first.');
          case 'pending':
            return stateRefused(
              `The event already waits for its next attempt, at ${result.endpointIds.join(', ')}.`,
            );
          case 'no_endpoint':
            return stateRefused(
              'No enabled endpoint wants the type of the event. Name one to send it there all the same.',
            );
          case 'redelivering':
            return answered('The event is sent again.', {
              event_id: eventId,
              endpoint_ids: result.endpointIds,
            });
        }
      });
    },
  });
};
