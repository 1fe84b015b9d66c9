import { randomUUID } from 'node:crypto';
import { type Keyring, seal } from '@emr-payments/runtime';
import type { Actor } from '../audit/entry.ts';
import { auditCte, auditValues } from '../audit/record-audit.ts';
import { query, type StatementDeps } from '../core/statements.ts';

export type RotateSecretInput = {
  endpointId: string;
  /** In clear; stored sealed. */
  secret: string;
  /** For how long the old ones go on signing. */
  overlapSeconds: number;
  by: Actor;
};

/** Old secrets that go on signing beside the new one: a header must not grow without end. */
const MOST_OLD = 4;

/** An old secret never lives longer by this than it would have. Of many rotations in a row the oldest secrets end now. */
const ROTATE = {
  name: 'rotate-secret',
  text: `
    WITH valid AS MATERIALIZED (
      SELECT id, row_number() OVER (ORDER BY created_at DESC, id) AS age FROM webhook_secrets
       WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now())
    ), old AS (
      UPDATE webhook_secrets s
         SET expires_at = CASE WHEN valid.age > ${MOST_OLD} THEN now()
                               ELSE least(s.expires_at, now() + make_interval(secs => $4)) END
        FROM valid WHERE s.id = valid.id
    ), fresh AS (
      INSERT INTO webhook_secrets (id, endpoint_id, sealed, created_at) VALUES ($2, $1, $3, clock_timestamp()) RETURNING id
    ), ${auditCte({ from: 'fresh', at: 5 })}
    SELECT now() + make_interval(secs => $4) AS until FROM fresh`,
};

/**
 * Gives an endpoint a new secret, which signs from the next attempt on; the old one signs beside it for the overlap.
 *
 * @returns until when the old one signs.
 */
export async function rotateSecret(
  { keyring, ...deps }: StatementDeps & { keyring: Keyring },
  { endpointId, secret, overlapSeconds, by }: RotateSecretInput,
): Promise<Date> {
  const id = randomUUID();
  const audit = auditValues({
    ...by,
    action: 'endpoint.rotate_secret',
    subject: `endpoint:${endpointId}`,
    outcome: 'done',
    detail: { overlap_seconds: overlapSeconds },
  });
  const sealed = seal(keyring, `webhook_secret:${id}`, secret);
  const [row] = await query<{ until: Date }>(deps, ROTATE, [
    endpointId,
    id,
    sealed,
    overlapSeconds,
    ...audit,
  ]);
  if (row === undefined) throw new Error('the new secret was not written');
  return row.until;
}

const VALID = {
  name: 'valid-secrets',
  text: `
    SELECT id, sealed FROM webhook_secrets
     WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > now()) ORDER BY created_at DESC`,
};

/** The sealed secrets that sign now, newest first; each is sealed for the row `webhook_secret:<id>`. */
export async function validSecrets(
  deps: StatementDeps,
  { endpointId }: { endpointId: string },
): Promise<{ id: string; sealed: string }[]> {
  return query<{ id: string; sealed: string }>(deps, VALID, [endpointId]);
}
