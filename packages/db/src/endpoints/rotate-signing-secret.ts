import { randomUUID } from 'node:crypto';
import { type Keyring, seal } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Transaction } from '../core/transaction.ts';

export type RotateSigningSecretInput = {
  endpointId: string;
  /** In clear here; stored sealed. */
  secret: string;
  /** The time for which the old secrets continue to sign. */
  overlapSeconds: number;
  by: Actor;
};

/** Most old secrets that sign beside the new one. Each adds a signature to the header, which must stay bounded. */
const MOST_OLD = 4;

/**
 * A rotation never prolongs an old secret's life. After many rotations in a row, the oldest secrets end at once. Time is that of the statement:
 * a rotation that waited for another began before that one's secret was made. The rows are locked in the order of their ids, as
 * `resealAll` does it.
 */
const ROTATE = named({
  name: 'rotate-secret',
  values: ['endpointId', 'secretId', 'sealed', 'overlapSeconds', ...AUDIT_VALUES],
  text: `
    WITH locked AS MATERIALIZED (
      SELECT id, created_at FROM webhook_secrets
       WHERE endpoint_id = :endpointId AND (expires_at IS NULL OR expires_at > statement_timestamp()) ORDER BY id FOR NO KEY UPDATE
    ), valid AS (
      SELECT id, row_number() OVER (ORDER BY created_at DESC, id) AS age FROM locked
    ), old AS (
      UPDATE webhook_secrets s
         SET expires_at = CASE WHEN valid.age > ${MOST_OLD} THEN statement_timestamp()
                               ELSE least(s.expires_at, statement_timestamp() + make_interval(secs => :overlapSeconds)) END
        FROM valid WHERE s.id = valid.id
    ), fresh AS (
      INSERT INTO webhook_secrets (id, endpoint_id, sealed, created_at) VALUES (:secretId, :endpointId, :sealed, statement_timestamp())
      RETURNING id
    ), ${auditCte({ from: 'fresh' })}
    SELECT statement_timestamp() + make_interval(secs => :overlapSeconds) AS until FROM fresh`,
});

/**
 * Gives an endpoint whose row is locked (`findEndpointToChange`) a new secret, which signs from the next attempt on. The old one signs beside it during the overlap.
 *
 * @returns the time until which the old one signs.
 */
export async function rotateSigningSecret(
  { keyring, ...deps }: Transaction & { keyring: Keyring },
  { endpointId, secret, overlapSeconds, by }: RotateSigningSecretInput,
): Promise<Date> {
  const secretId = randomUUID();
  const audit = auditValues({
    ...by,
    action: 'endpoint.rotate_secret',
    subject: `endpoint:${endpointId}`,
    outcome: 'done',
    detail: { overlap_seconds: overlapSeconds },
  });
  const sealed = seal(keyring, `webhook_secret:${secretId}`, secret);
  const values = ROTATE.values({ endpointId, secretId, sealed, overlapSeconds, ...audit });
  const [row] = await query<{ until: Date }>(deps, ROTATE, values);
  if (row === undefined) throw new Error('the new secret was not written');
  return row.until;
}

const VALID = {
  name: 'valid-secrets',
  text: `
    SELECT id, sealed FROM webhook_secrets
     WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY created_at DESC`,
};

/** Finds the secrets that sign now, newest first; each is sealed for the row `webhook_secret:<id>`. */
export async function validSecrets(
  deps: StatementDeps,
  { endpointId }: { endpointId: string },
): Promise<{ id: string; sealed: string }[]> {
  return query<{ id: string; sealed: string }>(deps, VALID, [endpointId]);
}
