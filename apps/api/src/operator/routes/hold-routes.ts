import {
  EndedHoldReplySchema,
  InFlightReplySchema,
  ListHoldsQuerySchema,
  OperatorHoldListSchema,
  StartedHoldReplySchema,
  StartHoldBodySchema,
} from '@emr-payments/contracts/operator';
import type { HoldScope } from '@emr-payments/db';
import {
  endHoldIn,
  findHoldScope,
  findHolds,
  listHoldScopes,
  startHold,
  waitForClaims,
} from '@emr-payments/operations';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { sendError } from '../../errors/send-error.ts';
import { emptyBodyAsObject } from '../../http/json-body.ts';
import { operatorOf } from '../../http/operator-caller.ts';
import { componentRef } from '../../openapi/component-ref.ts';
import { answered, noSuch, reading, stateRefused, writing } from '../answers.ts';
import { actorOf, type OperatorDeps } from '../deps.ts';
import { OPERATOR_FIELD_RULES as fieldRules } from '../field-rules.ts';
import { HoldParams, operatorOperation } from '../operation.ts';

/** How long a reading of what is in flight waits for the end of it. */
const IN_FLIGHT_MS = 1_000;

/** `/operator/v1/holds`: stopping and continuing to post. */
export const holdRoutes: FastifyPluginAsyncTypebox<OperatorDeps> = async (app, deps) => {
  const { database } = deps;
  /** @returns null when there is no such user. */
  const scopeNamed = (request: FastifyRequest, name: string | undefined): Promise<HoldScope | null> =>
    reading(deps, request, () => findHoldScope({ database }, { user: name === 'all' ? undefined : name }));

  app.route({
    method: 'GET',
    url: '/operator/v1/holds',
    schema: {
      ...operatorOperation({
        operationId: 'listHolds',
        tag: 'Holds',
        summary: 'List the holds that are on',
        description: 'Oldest first, with the number of payments that wait.',
        scope: 'holds:read',
        reply: OperatorHoldListSchema,
        errors: ['record_not_found', 'read_too_costly'],
      }),
      querystring: ListHoldsQuerySchema,
    },
    config: { fieldRules },
    handler: async (request, reply) => {
      const { user_id: user } = request.query;
      const found = await deps.costly.run({ clientPk: operatorOf(request).keyPk }, () =>
        findHolds({ database }, { user }),
      );
      if (found.outcome === 'no_user')
        return sendError(request, reply, 'record_not_found', { record: 'user' });
      const data = found.holds.map((hold) => ({
        scope: hold.scope,
        started_at: hold.startedAt.toISOString(),
        started_by: hold.startedBy,
        reason: hold.reason,
        waiting: hold.waiting,
      }));
      return reply.send({ success: true, message: 'Holds.', data, has_more: false, next_cursor: null });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/holds',
    schema: {
      ...operatorOperation({
        operationId: 'startHold',
        tag: 'Holds',
        summary: 'Stop posting',
        description:
          'For one user, or for all. Nothing new begins from then on; what a worker has in hand may still be sent: read `in-flight` until `quiet` is true. Payments are accepted and webhooks delivered meanwhile. The body may be left out.',
        scope: 'holds:write',
        reply: StartedHoldReplySchema,
        keyed: true,
        body: 'optional',
        errors: ['record_not_found'],
      }),
      body: componentRef(StartHoldBodySchema),
    },
    config: { fieldOrder: Object.keys(StartHoldBodySchema.properties), fieldRules },
    preValidation: emptyBodyAsObject,
    handler: async (request, reply) => {
      const { user_id: user, reason = null } = request.body;
      const scope = await scopeNamed(request, user);
      if (scope === null) return sendError(request, reply, 'record_not_found', { record: 'user' });
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const started = await startHold(tx, { scope, reason, by });
        return answered('Posting is on hold.', { scope: user ?? 'all', already: !started });
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/operator/v1/holds/:scope/in-flight',
    schema: {
      ...operatorOperation({
        operationId: 'getHoldInFlight',
        tag: 'Holds',
        summary: 'What may still be sent under a hold',
        description:
          'Waits up to a second for the end of calls that are under way. `quiet` is true when there are none.',
        scope: 'holds:read',
        reply: InFlightReplySchema,
        errors: ['record_not_found'],
      }),
      params: HoldParams,
    },
    handler: async (request, reply) => {
      const { scope: name } = request.params;
      const scope = await scopeNamed(request, name);
      if (scope === null) return sendError(request, reply, 'record_not_found', { record: 'hold' });
      const inHand = await reading(deps, request, async () => {
        const on = (await listHoldScopes({ database })).includes(name);
        const wait = { scope, waitMs: IN_FLIGHT_MS, onWait: () => undefined };
        return on ? waitForClaims({ database }, wait) : null;
      });
      if (inHand === null) return sendError(request, reply, 'record_not_found', { record: 'hold' });
      const { paymentIds, transactions } = inHand;
      return reply.send({
        success: true,
        message: 'In flight.',
        data: {
          scope: name,
          payment_ids: paymentIds,
          transactions,
          quiet: paymentIds.length + transactions === 0,
        },
      });
    },
  });

  app.route({
    method: 'POST',
    url: '/operator/v1/holds/:scope/end',
    schema: {
      ...operatorOperation({
        operationId: 'endHold',
        tag: 'Holds',
        summary: 'Continue posting',
        description: 'Payments that waited are posted at once, unless another hold stops them.',
        scope: 'holds:write',
        reply: EndedHoldReplySchema,
        keyed: true,
        errors: ['record_not_found', 'state_refused'],
      }),
      params: HoldParams,
    },
    handler: async (request, reply) => {
      const { scope: name } = request.params;
      const scope = await scopeNamed(request, name);
      if (scope === null) return sendError(request, reply, 'record_not_found', { record: 'hold' });
      const by = actorOf(request);
      return writing(deps, { request, reply }, async (tx) => {
        const end = await endHoldIn(tx, { scope, by });
        if (end.outcome === 'not_on') return noSuch('hold');
        if (end.outcome === 'restore_unfinished') {
          return stateRefused(
            `Not every payment is in doubt yet: run emr-payments restored --since ${end.since.toISOString()} to its end first.`,
          );
        }
        if (end.outcome === 'loss_in_doubt') {
          return stateRefused(
            `Since ${end.since.toISOString()} it is undecided whether the database has lost commits: run emr-payments restored --since T with the time up to which it is complete, or emr-payments hold off --nothing-lost.`,
          );
        }
        return answered('The hold has ended.', { scope: name, other_holds: await listHoldScopes(tx) });
      });
    },
  });
};
