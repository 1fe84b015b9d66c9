import type { Database } from '../core/database.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction, type Transaction } from '../core/transaction.ts';

/** SHA-256 of everything that determines the answer. */
export type Fingerprint = {
  fingerprint: Buffer;
  /** Makes that of the same request in another spelling, under which it may have been stored. */
  respelt?: () => Buffer;
};

/** A request with an Idempotency-Key. `userId` is 0 for a request of the client itself. */
export type KeyedRequest = Fingerprint & { clientPk: number; userId: number; key: string };

/** True when a key was claimed by the same request, in whichever spelling. */
export const isSameRequest = (stored: Buffer, { fingerprint, respelt }: Fingerprint): boolean =>
  stored.equals(fingerprint) || (respelt !== undefined && stored.equals(respelt()));

export type OnceOutcome<T> =
  | { outcome: 'done'; result: T }
  /** The first answer, as it was stored. */
  | { outcome: 'replayed'; status: number; response: string }
  /** The key was used for another request. */
  | { outcome: 'key_reused' };

export type OnceInput<T> = {
  /** null: without a key the work is done each time. */
  request: KeyedRequest | null;
  /** Makes every change of the request, through `tx`. */
  work: (tx: Transaction) => Promise<T>;
  /** Returns the answer to store; null for a refusal: then nothing is stored or changed, and the key stays free. */
  remember: (result: T) => { status: number; response: string } | null;
};

/** Claims a key. The second of two requests with one key waits here until the first has committed, and then finds it taken. */
const CLAIM = {
  name: 'claim-idempotency-key',
  text: `
    INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING 1`,
};
const FIND = {
  name: 'find-remembered-answer',
  text: `
    SELECT fingerprint, status, response FROM idempotency_keys
     WHERE client_pk = $1 AND user_id = $2 AND key = $3`,
};
const REMEMBER = {
  name: 'remember-answer',
  text: `
    UPDATE idempotency_keys SET status = $4, response = $5
     WHERE client_pk = $1 AND user_id = $2 AND key = $3`,
};

/**
 * Does a request's work once for each Idempotency-Key: claims the key, does the work and stores the answer in one
 * transaction, so there is never one without the others. For work that is not hot; payments have a statement of their own.
 */
export async function once<T>(
  deps: { database: Pick<Database, 'pool'> },
  { request, work, remember }: OnceInput<T>,
): Promise<OnceOutcome<T>> {
  return inTransaction<OnceOutcome<T>>(deps, async (tx) => {
    if (request === null) {
      const result = await work(tx);
      return { commit: remember(result) !== null, value: { outcome: 'done', result } };
    }
    const owner = [request.clientPk, request.userId, request.key];
    while ((await query(tx, CLAIM, [...owner, request.fingerprint])).length === 0) {
      const value = await replay(tx, owner, request);
      if (value !== null) return { commit: false, value };
    }
    const result = await work(tx);
    const answer = remember(result);
    if (answer !== null) await query(tx, REMEMBER, [...owner, answer.status, answer.response]);
    return { commit: answer !== null, value: { outcome: 'done', result } };
  });
}

type Replay = { outcome: 'replayed'; status: number; response: string } | { outcome: 'key_reused' };

/** Finds the answer to an earlier request with this key; null when there is none. A request under way has none yet. */
export async function findRemembered(deps: StatementDeps, request: KeyedRequest): Promise<Replay | null> {
  return replay(deps, [request.clientPk, request.userId, request.key], request);
}

type Remembered = { fingerprint: Buffer; status: number | null; response: string | null };

/** null: there is no such key, or its time ended after it was found to be claimed. */
async function replay(tx: StatementDeps, owner: unknown[], request: Fingerprint): Promise<Replay | null> {
  const [row] = await query<Remembered>(tx, FIND, owner);
  if (row === undefined) return null;
  if (row.status === null || row.response === null) return { outcome: 'key_reused' };
  if (!isSameRequest(row.fingerprint, request)) return { outcome: 'key_reused' };
  return { outcome: 'replayed', status: row.status, response: row.response };
}
