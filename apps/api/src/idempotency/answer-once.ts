import { type ErrorCode, type ErrorDetails, HEADERS } from '@emr-payments/contracts';
import { type Database, type OnceInput, once, type Transaction } from '@emr-payments/db';
import { type Keyring, open, type Shares, seal } from '@emr-payments/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientOf } from '../auth/authenticate-client-hook.ts';
import { sendError } from '../errors/send-error.ts';
import { idempotencyOf } from './key.ts';

/** The result of a write: an answer, or an error of the catalogue, after which nothing is changed. */
export type WriteResult =
  | { outcome: 'answered'; body: object }
  | { outcome: 'refused'; code: ErrorCode; details?: ErrorDetails };

/** The user id in the keys of requests of the client itself. Users have ids above it. */
const NO_USER = 0;

/** The owner of a key. */
export type KeyOwner = { clientPk: number; userId: number };

/**
 * Performs a write once for each Idempotency-Key: the change and its answer are stored in one transaction, and a repeated
 * request gets the stored answer. Answers are sealed, because the answer to a request that made a secret contains it.
 *
 * The transaction takes one of the client's places: changes of one endpoint wait for each other, and would otherwise wait on
 * all connections.
 *
 * @param deps.writes the clients' places.
 * @param context.owner the user who owns the key; by default the client itself.
 * @param work makes all changes of the request, through `tx`.
 */
export async function answerOnce(
  deps: { database: Pick<Database, 'pool'>; writes: Shares; keyring: Keyring },
  context: { request: FastifyRequest; reply: FastifyReply; owner?: KeyOwner },
  work: (tx: Transaction) => Promise<WriteResult>,
): Promise<FastifyReply> {
  const { request, reply } = context;
  const { clientPk, userId } = context.owner ?? { ...clientOf(request), userId: NO_USER };
  const idempotency = idempotencyOf(request);
  if (idempotency.outcome === 'invalid') return sendError(request, reply, 'invalid_field', idempotency);
  const key = idempotency.outcome === 'key' ? { ...idempotency, clientPk, userId } : null;
  const row = `idempotency_key:${clientPk}:${userId}:${key?.key}`;

  const change: OnceInput<WriteResult> = {
    request: key,
    work,
    remember: (written) => {
      if (written.outcome === 'refused') return null;
      return {
        status: 200,
        response: key === null ? '' : seal(deps.keyring, row, JSON.stringify(written.body)),
      };
    },
  };
  const result = await deps.writes.run(clientPk, () => once(deps, change));
  if (result.outcome === 'key_reused') return sendError(request, reply, 'idempotency_key_reused');
  if (result.outcome === 'replayed') {
    reply.header(HEADERS.idempotentReplayed, 'true');
    return reply.code(result.status).send(JSON.parse(open(deps.keyring, row, result.response)) as object);
  }
  const { result: written } = result;
  return written.outcome === 'refused'
    ? sendError(request, reply, written.code, written.details)
    : reply.send(written.body);
}
