import { query, type StatementDeps } from '../core/statements.ts';

type OwnedKey = { clientPk: number; userId: number; key: string };

export type ClaimedKey = {
  fingerprint: Buffer;
  /** null: the key was claimed by a request that makes no payment. */
  made: { paymentId: string; jobId: number } | null;
};

const FIND = {
  name: 'find-idempotency-keys',
  text: `
    SELECT i.n::int, k.fingerprint, k.payment_id, k.job_id
      FROM unnest($1::int[], $2::int[], $3::text[]) WITH ORDINALITY AS i(client_pk, user_id, key, n)
      LEFT JOIN idempotency_keys k USING (client_pk, user_id, key)
     ORDER BY n`,
};

type Row = { fingerprint: Buffer | null; payment_id: string | null; job_id: number | null };

/** @returns for each key, in order, what claimed it; null when no committed request did. */
export async function findIdempotencyKeys(
  deps: StatementDeps,
  keys: readonly OwnedKey[],
): Promise<(ClaimedKey | null)[]> {
  const rows = await query<Row>(deps, FIND, [
    keys.map(({ clientPk }) => clientPk),
    keys.map(({ userId }) => userId),
    keys.map(({ key }) => key),
  ]);
  return rows.map(({ fingerprint, payment_id, job_id }) => {
    if (fingerprint === null) return null;
    const made = payment_id === null || job_id === null ? null : { paymentId: payment_id, jobId: job_id };
    return { fingerprint, made };
  });
}
