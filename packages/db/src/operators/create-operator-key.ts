import { newOperatorKeyId, type OperatorScope } from '@emr-payments/contracts';
import { hashSecret, newSecret } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';

export type NewOperatorKey = {
  keyId: string;
  /** `op_…` in clear, and returned only here: the database has its hash. */
  secret: string;
  expiresAt: Date;
};

const CREATE = named({
  name: 'create-operator-key',
  values: ['keyId', 'name', 'scopes', 'days', 'hash', ...AUDIT_VALUES],
  text: `
    WITH made AS (
      INSERT INTO operator_keys (public_id, name, scopes, expires_at)
      VALUES (:keyId, :name, :scopes::text[], now() + make_interval(days => :days::int))
      RETURNING id, expires_at
    ), secret AS (
      INSERT INTO operator_key_secrets (key_pk, secret_hash) SELECT id, :hash FROM made
    ), ${auditCte({ from: 'made' })}
    SELECT expires_at AS "expiresAt" FROM made`,
});

/**
 * Makes a key of the operator's API.
 *
 * @param input.name a name for people; not unique.
 * @param input.days after which it ends, whatever its secrets.
 */
export async function createOperatorKey(
  deps: StatementDeps,
  input: { name: string; scopes: readonly OperatorScope[]; days: number; by: Actor },
): Promise<NewOperatorKey> {
  const { name, scopes, days, by } = input;
  const keyId = newOperatorKeyId();
  const secret = newSecret('op_');
  const audit = auditValues({
    ...by,
    action: 'operator_key.create',
    subject: `operator_key:${keyId}`,
    outcome: 'done',
    detail: { scopes: scopes.join(' '), days },
  });
  const values = CREATE.values({
    keyId,
    name,
    scopes: [...scopes],
    days,
    hash: hashSecret(secret),
    ...audit,
  });
  const [made] = await query<{ expiresAt: Date }>(deps, CREATE, values);
  if (made === undefined) throw new Error('the key was not written');
  return { keyId, secret, expiresAt: made.expiresAt };
}
