import type { Database } from '../core/database.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { inTransaction } from '../core/transaction.ts';
import type { KeyedRequest, OnceInput, OnceOutcome } from './once.ts';

/** A request whose work is done together with that of others. */
export type TogetherInput<T> = Pick<OnceInput<T>, 'request' | 'remember'>;

type Deps = { database: Pick<Database, 'pool'> };

/** In the order of the keys, so that two sets that claim the same ones wait for each other and never deadlock. */
const CLAIM = {
  name: 'claim-idempotency-keys',
  text: `
    INSERT INTO idempotency_keys (client_pk, user_id, key, fingerprint)
    SELECT client_pk, user_id, key, fingerprint
      FROM unnest($1::int[], $2::int[], $3::text[], $4::bytea[]) AS asked(client_pk, user_id, key, fingerprint)
     ORDER BY client_pk, user_id, key
    ON CONFLICT DO NOTHING RETURNING client_pk, user_id, key`,
};
const REMEMBER = {
  name: 'remember-answers',
  text: `
    UPDATE idempotency_keys k SET status = answer.status, response = answer.response
      FROM unnest($1::int[], $2::int[], $3::text[], $4::int[], $5::text[]) AS answer(client_pk, user_id, key, status, response)
     WHERE k.client_pk = answer.client_pk AND k.user_id = answer.user_id AND k.key = answer.key`,
};
const FREE = {
  name: 'free-idempotency-keys',
  text: `
    DELETE FROM idempotency_keys k USING unnest($1::int[], $2::int[], $3::text[]) AS refused(client_pk, user_id, key)
     WHERE k.client_pk = refused.client_pk AND k.user_id = refused.user_id AND k.key = refused.key`,
};

const nameOf = (clientPk: number, userId: number, key: string): string => `${clientPk}:${userId}:${key}`;
const ownersOf = (requests: readonly KeyedRequest[]): unknown[][] => [
  requests.map(({ clientPk }) => clientPk),
  requests.map(({ userId }) => userId),
  requests.map(({ key }) => key),
];

/** @returns for each input whether it may be done: it has no key, or has claimed its key. Of two with one key, the first claims it. */
async function claim<T>(tx: StatementDeps, inputs: readonly TogetherInput<T>[]): Promise<boolean[]> {
  const requests = inputs.flatMap(({ request }) => request ?? []);
  const rows = await query<{ client_pk: number; user_id: number; key: string }>(tx, CLAIM, [
    ...ownersOf(requests),
    requests.map(({ fingerprint }) => fingerprint),
  ]);
  const free = new Set(rows.map((row) => nameOf(row.client_pk, row.user_id, row.key)));
  return inputs.map(
    ({ request }) => request === null || free.delete(nameOf(request.clientPk, request.userId, request.key)),
  );
}

/** Stores the answers, and gives back the keys of those that were refused. */
async function settle<T>(
  tx: StatementDeps,
  ends: readonly { input: TogetherInput<T>; result: T }[],
): Promise<void> {
  const answered: { request: KeyedRequest; status: number; response: string }[] = [];
  const refused: KeyedRequest[] = [];
  for (const { input, result } of ends) {
    if (input.request === null) continue;
    const answer = input.remember(result);
    if (answer === null) refused.push(input.request);
    else answered.push({ request: input.request, ...answer });
  }
  if (answered.length > 0) {
    await query(tx, REMEMBER, [
      ...ownersOf(answered.map(({ request }) => request)),
      answered.map(({ status }) => status),
      answered.map(({ response }) => response),
    ]);
  }
  if (refused.length > 0) await query(tx, FREE, ownersOf(refused));
}

/**
 * Does the work of several requests together and in one commit, each once for each Idempotency-Key, as `once` does it for one.
 *
 * @param work does it for these inputs, in order. It must change nothing for an input that is refused.
 * @returns an outcome for each input, in order; null where nothing was done, because another request has the key: `once` answers it.
 */
export async function onceTogether<T, Input extends TogetherInput<T>>(
  deps: Deps,
  inputs: readonly Input[],
  work: (deps: StatementDeps, inputs: readonly Input[]) => Promise<T[]>,
): Promise<(OnceOutcome<T> | null)[]> {
  const done = (result: T): OnceOutcome<T> => ({ outcome: 'done', result });
  // A statement is a transaction.
  if (inputs.every(({ request }) => request === null)) return (await work(deps, inputs)).map(done);
  return inTransaction(deps, async (tx) => {
    const mine = await claim(tx, inputs);
    const chosen = inputs.filter((_, index) => mine[index] === true);
    const results = chosen.length === 0 ? [] : await work(tx, chosen);
    const ends = chosen.map((input, index) => ({ input, result: results[index] as T }));
    await settle(tx, ends);
    const left = results.values();
    return { commit: true, value: mine.map((own) => (own ? done(left.next().value as T) : null)) };
  });
}
