import {
  type CreatePaymentReply,
  PAYMENT_ACCEPTED_MESSAGE,
  type ResolvedPaymentReply,
  type ResolvePaymentBody,
  ResolvePaymentBodySchema,
  RetryPaymentBodySchema,
} from '@emr-payments/contracts';
import {
  type Database,
  type Resolution,
  type ResolveOutcome,
  type RetryOutcome,
  resolvePayment,
  retryPayment,
  type WorklistRefusal,
} from '@emr-payments/db';
import type { Keyring, Shares } from '@emr-payments/runtime';
import { within } from '@emr-payments/runtime';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { actorOf } from '../auth/authenticate-client-hook.ts';
import { authenticateHook, callerOf, type UserRouteDeps } from '../auth/authenticate-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { emptyBodyAsObject } from '../http/json-body.ts';
import { answerOnce, type WriteResult } from '../idempotency/answer-once.ts';
import { isPaymentId } from './read-payments.ts';
import { resolvePaymentOperation, retryPaymentOperation } from './worklist-operations.ts';

export type WorklistRouteDeps = UserRouteDeps & {
  database: Pick<Database, 'pool'>;
  writes: Shares;
  keyring: Keyring;
};

const RESOLVE_RULES = {
  outcome: 'must be posted or not_posted',
  note: 'must be 1 to 1000 characters, none of them a control character other than tabs and line breaks',
};

/** A person's decisions about a payment that was not simply posted. The database functions audit both in their transactions. */
export const worklistRoutes: FastifyPluginAsyncTypebox<WorklistRouteDeps> = async (app, deps) => {
  const onRequest = authenticateHook(deps);
  const { waitMs } = deps.limits;

  app.post(
    '/v1/payments/:id/retry',
    {
      schema: retryPaymentOperation,
      config: { fieldOrder: Object.keys(RetryPaymentBodySchema.properties) },
      onRequest,
      preValidation: emptyBodyAsObject,
    },
    async (request, reply) => {
      const { id: paymentId } = request.params;
      if (!isPaymentId(paymentId)) return sendError(request, reply, 'payment_not_found');
      const { userId } = callerOf(request);
      const { payment_method: paymentMethod, location } = request.body;
      reply.paymentId = paymentId;
      const answering = answerOnce(deps, { request, reply, owner: callerOf(request) }, async (tx) => {
        const input = { paymentId, userId, paymentMethod, location, by: actorOf(request) };
        const result = await retryPayment(tx, input);
        if (result.outcome !== 'retrying') return retryRefusal(result);
        const body: CreatePaymentReply = {
          success: true,
          message: PAYMENT_ACCEPTED_MESSAGE,
          payment_id: paymentId,
          job_id: result.jobId,
        };
        return { outcome: 'answered', body };
      });
      return within(waitMs, answering);
    },
  );

  app.post(
    '/v1/payments/:id/resolve',
    {
      schema: resolvePaymentOperation,
      config: { fieldOrder: Object.keys(ResolvePaymentBodySchema.properties), fieldRules: RESOLVE_RULES },
      onRequest,
    },
    async (request, reply) => {
      const { id: paymentId } = request.params;
      if (!isPaymentId(paymentId)) return sendError(request, reply, 'payment_not_found');
      const { userId } = callerOf(request);
      const body: ResolvePaymentBody = request.body;
      const read = resolutionFrom(body);
      if (read.outcome === 'invalid') return sendError(request, reply, 'invalid_field', read);
      reply.paymentId = paymentId;
      const answering = answerOnce(deps, { request, reply, owner: callerOf(request) }, async (tx) => {
        const input = {
          paymentId,
          userId,
          eventId: body.event_id,
          resolution: read.resolution,
          note: body.note,
          by: actorOf(request),
        };
        const result = await resolvePayment(tx, input);
        if (result.outcome !== 'resolved') return resolveRefusal(result);
        const { status, eventId } = result;
        const answer: ResolvedPaymentReply = {
          success: true,
          message: 'Payment settled. A webhook event will be sent.',
          data: { payment_id: paymentId, status, event_id: eventId },
        };
        return { outcome: 'answered', body: answer };
      });
      return within(waitMs, answering);
    },
  );
};

/** Says in an error of the catalogue why a decision about a payment changed nothing. */
export function worklistRefusal(result: WorklistRefusal): WriteResult {
  return result.outcome === 'not_found'
    ? { outcome: 'refused', code: 'payment_not_found' }
    : { outcome: 'refused', code: 'invalid_state', details: { status: result.status } };
}

const LOOK_AGAIN =
  'It has been settled since you looked, and needs another review: it may have been sent again. Look again, and give the event of this review.';

/** Says in an error of the catalogue why a person's finding changed nothing. */
export function resolveRefusal(result: Exclude<ResolveOutcome, { outcome: 'resolved' }>): WriteResult {
  if (result.outcome !== 'another_review') return worklistRefusal(result);
  return { outcome: 'refused', code: 'invalid_state', details: { status: 'needs_review', hint: LOOK_AGAIN } };
}

/** Says in an error of the catalogue why a payment is not tried again. */
export function retryRefusal(result: Exclude<RetryOutcome, { outcome: 'retrying' }>): WriteResult {
  if (result.outcome === 'too_often') return { outcome: 'refused', code: 'retry_limit_reached' };
  if (result.outcome === 'patient_changed') return { outcome: 'refused', code: 'patient_changed' };
  if (result.outcome === 'patient_not_found')
    return { outcome: 'refused', code: 'patient_not_found', details: { mrn: result.mrn } };
  return worklistRefusal(result);
}

type ReadResolution =
  | { outcome: 'resolution'; resolution: Resolution }
  | { outcome: 'invalid'; field: 'emr_transaction_id'; rule: string };

/**
 * Reads what a person found. The rule that the EMR's id goes with `posted` alone is checked here, because a schema cannot
 * state it in a sentence that names the field.
 */
export function resolutionFrom({ outcome, emr_transaction_id: id }: ResolvePaymentBody): ReadResolution {
  if (outcome === 'posted') {
    return { outcome: 'resolution', resolution: { outcome, emrTransactionId: id ?? null } };
  }
  if (id === undefined) return { outcome: 'resolution', resolution: { outcome } };
  const rule = 'must not be given when the outcome is not_posted';
  return { outcome: 'invalid', field: 'emr_transaction_id', rule };
}
