import { query, type StatementDeps } from '../core/statements.ts';

/** A key as a request presents it. */
export type FoundOperatorKey = {
  keyPk: number;
  keyId: string;
  scopes: string[];
  /** As it is stored, to be compared in constant time. */
  secretHash: Buffer;
  /** `ended`: it was revoked, or it or this secret has expired. */
  state: 'valid' | 'ended';
  /** False: this is its first request of the day (UTC). */
  usedToday: boolean;
};

const FIND = {
  name: 'find-operator-key',
  text: `
    SELECT k.id AS "keyPk", k.public_id AS "keyId", k.scopes, s.secret_hash AS "secretHash",
           CASE WHEN k.revoked_at IS NULL AND k.expires_at > now() AND (s.expires_at IS NULL OR s.expires_at > now())
                THEN 'valid' ELSE 'ended' END AS state,
           coalesce(k.last_used_on = (now() AT TIME ZONE 'UTC')::date, false) AS "usedToday"
      FROM operator_key_secrets s JOIN operator_keys k ON k.id = s.key_pk WHERE s.secret_hash = $1`,
};

/** Finds an operator key by the hash of its secret, also one that has ended, so that the audit log can name it; null when there is none. */
export async function findOperatorKey(
  deps: StatementDeps,
  { secretHash }: { secretHash: Buffer },
): Promise<FoundOperatorKey | null> {
  const [row] = await query<FoundOperatorKey>(deps, FIND, [secretHash]);
  return row ?? null;
}

const NOTE = {
  name: 'note-use-of-operator-key',
  text: `
    UPDATE operator_keys SET last_used_on = (now() AT TIME ZONE 'UTC')::date
     WHERE id = $1 AND last_used_on IS DISTINCT FROM (now() AT TIME ZONE 'UTC')::date`,
};

/** Writes down that a key was used today. One write a day for each key: more would be a row's rewrite at every request. */
export async function noteUseOfOperatorKey(deps: StatementDeps, { keyPk }: { keyPk: number }): Promise<void> {
  await query(deps, NOTE, [keyPk]);
}
