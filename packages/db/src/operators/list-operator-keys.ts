import { query, type StatementDeps } from '../core/statements.ts';

export type ListedOperatorKey = {
  keyId: string;
  name: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date;
  revokedAt: Date | null;
  /** YYYY-MM-DD in UTC; null when it was never used. */
  lastUsedOn: string | null;
  /** Number of its secrets that are valid: two during a rotation, none when the key has ended. */
  validSecrets: number;
};

const LIST = {
  name: 'list-operator-keys',
  text: `
    SELECT k.public_id AS "keyId", k.name, k.scopes, k.created_at AS "createdAt", k.expires_at AS "expiresAt",
           k.revoked_at AS "revokedAt", k.last_used_on::text AS "lastUsedOn",
           (SELECT count(*)::int FROM operator_key_secrets s
             WHERE s.key_pk = k.id AND (s.expires_at IS NULL OR s.expires_at > now())
               AND k.revoked_at IS NULL AND k.expires_at > now()) AS "validSecrets"
      FROM operator_keys k ORDER BY k.id`,
};

/** Lists all operator keys, oldest first. No secret and no hash is part of it. */
export async function listOperatorKeys(deps: StatementDeps): Promise<ListedOperatorKey[]> {
  return query<ListedOperatorKey>(deps, LIST, []);
}
