import type { Transaction } from '@emr-payments/db';
import { findClientPk, findUserPk } from '@emr-payments/operations';
import { within } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { operatorOf } from '../http/operator-caller.ts';
import { answerOnce, type KeyContext, type WriteResult } from '../idempotency/answer-once.ts';
import type { OperatorDeps } from './deps.ts';

/** The client in the keys of operators' requests: clients have numbers above it. The number of the operator key is in the user's place. */
const NO_CLIENT = 0;

/**
 * The owner of the Idempotency-Key of an operator's request. The bearer of the key is in the fingerprint of the body, which may hold the
 * password of an EMR: the database alone does not suffice to guess it.
 */
export function keyContext(request: FastifyRequest, reply: FastifyReply): KeyContext {
  return {
    request,
    reply,
    owner: { clientPk: NO_CLIENT, userId: operatorOf(request).keyPk },
    salt: request.headers.authorization ?? '',
  };
}

/** Runs reads of a request in the share of its key, bounded in time. */
export function reading<T>(
  { shares, limits }: OperatorDeps,
  request: FastifyRequest,
  work: () => Promise<T>,
): Promise<T> {
  return within(limits.waitMs, shares.run(operatorOf(request).keyPk, work));
}

/**
 * Names the record of a list's filter that does not exist: an id with a letter too few would look like a list without entries. It has to be asked
 * about an empty list only.
 */
export const missingOwner = (
  deps: OperatorDeps,
  request: FastifyRequest,
  { clientId, publicId }: { clientId?: string | undefined; publicId?: string | undefined },
): Promise<'client' | 'user' | null> =>
  reading(deps, request, async () => {
    if (clientId !== undefined && (await findClientPk(deps, { clientId })) === null) return 'client';
    return publicId !== undefined && (await findUserPk(deps, { publicId })) === null ? 'user' : null;
  });

/** Answers a request that changes something, once for each Idempotency-Key, in the share of its operator key. */
export function writing(
  { database, keyring, shares, limits }: OperatorDeps,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  work: (tx: Transaction) => Promise<WriteResult>,
): Promise<FastifyReply> {
  const { keyPk } = operatorOf(request);
  const writes = { run: <T>(_owner: number, run: () => Promise<T>) => shares.run(keyPk, run) };
  return within(limits.waitMs, answerOnce({ database, keyring, writes }, keyContext(request, reply), work));
}

export type Refused = Extract<WriteResult, { outcome: 'refused' }>;

/** A write that was done. */
export const answered = (message: string, data: object): WriteResult => ({
  outcome: 'answered',
  body: { success: true, message, data },
});

/** There is no such record, and nothing was changed. */
export const noSuch = (
  record: 'client' | 'user' | 'webhook endpoint' | 'hold' | 'event' | 'application' | 'return address',
): WriteResult => ({
  outcome: 'refused',
  code: 'record_not_found',
  details: { record },
});

/** A field of the body is wrong by a rule that its schema cannot say. */
export const badField = (field: string, rule: string): Refused => ({
  outcome: 'refused',
  code: 'invalid_field',
  details: { field, rule },
});

/** The state of the record does not allow it. */
export const stateRefused = (reason: string): WriteResult => ({
  outcome: 'refused',
  code: 'state_refused',
  details: { reason },
});
