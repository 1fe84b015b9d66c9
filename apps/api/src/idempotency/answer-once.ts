import { type ErrorCode, type ErrorDetails, HEADERS } from '@emr-payments/contracts';
import { type Database, type OnceInput, type OnceOutcome, once, type Transaction } from '@emr-payments/db';
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

/** The key of a request, if it has one, and the answer that is stored with it. */
export type Change = Pick<OnceInput<WriteResult>, 'request' | 'remember'>;

export type KeyContext = {
  request: FastifyRequest;
  reply: FastifyReply;
  /** The user who owns the key; by default the client itself. */
  owner?: KeyOwner;
  /** A secret of the caller, for the fingerprint of bodies that hold secrets. */
  salt?: string;
};

/**
 * Answers a request whose work is done once for each Idempotency-Key. A repeated request gets the stored answer. Answers are sealed, because
 * the answer to a request that made a secret contains it.
 *
 * @param perform makes all changes of the request, and stores the answer in the same commit.
 */
export async function answerWith(
  { keyring }: { keyring: Keyring },
  context: KeyContext,
  perform: (change: Change) => Promise<OnceOutcome<WriteResult>>,
): Promise<FastifyReply> {
  const { request, reply } = context;
  const { clientPk, userId } = context.owner ?? { ...clientOf(request), userId: NO_USER };
  const idempotency = idempotencyOf(request, context);
  if (idempotency.outcome === 'invalid') return sendError(request, reply, 'invalid_field', idempotency);
  const key = idempotency.outcome === 'key' ? { ...idempotency, clientPk, userId } : null;
  const row = `idempotency_key:${clientPk}:${userId}:${key?.key}`;

  const result = await perform({
    request: key,
    remember: (written) => {
      if (written.outcome === 'refused') return null;
      return {
        status: 200,
        response: key === null ? '' : seal(keyring, row, JSON.stringify(written.body)),
      };
    },
  });
  if (result.outcome === 'key_reused') return sendError(request, reply, 'idempotency_key_reused');
  if (result.outcome === 'replayed') {
    reply.header(HEADERS.idempotentReplayed, 'true');
    return reply.code(result.status).send(JSON.parse(open(keyring, row, result.response)) as object);
  }
  const { result: written } = result;
  return written.outcome === 'refused'
    ? sendError(request, reply, written.code, written.details)
    : reply.send(written.body);
}

/**
 * Performs a write once for each Idempotency-Key: the change and its answer are stored in one transaction.
 *
 * The transaction takes one of the client's places: changes of one endpoint wait for each other, and would otherwise wait on
 * all connections.
 *
 * @param deps.writes the clients' places.
 * @param work makes all changes of the request, through `tx`.
 */
export function answerOnce(
  deps: { database: Pick<Database, 'pool'>; writes: Shares; keyring: Keyring },
  context: KeyContext,
  work: (tx: Transaction) => Promise<WriteResult>,
): Promise<FastifyReply> {
  const { clientPk } = context.owner ?? clientOf(context.request);
  return answerWith(deps, context, (change) =>
    deps.writes.run(clientPk, () => once(deps, { ...change, work })),
  );
}
