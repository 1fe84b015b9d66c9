import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { Switched } from '../tenants/disable.ts';

const REVOKE = named({
  name: 'revoke-operator-key',
  values: ['keyId', ...AUDIT_VALUES],
  text: `
    WITH revoked AS (
      UPDATE operator_keys SET revoked_at = now() WHERE public_id = :keyId AND revoked_at IS NULL RETURNING id
    ), ${auditCte({ from: 'revoked' })}
    SELECT (SELECT count(*)::int FROM revoked) AS revoked, (SELECT count(*)::int FROM operator_keys WHERE public_id = :keyId) AS known`,
});

/** Ends an operator key for good: its requests are refused within seconds. `unchanged`: it was revoked already. */
export async function revokeOperatorKey(
  deps: StatementDeps,
  { keyId, by }: { keyId: string; by: Actor },
): Promise<Switched> {
  const subject = `operator_key:${keyId}` as const;
  const audit = auditValues({ ...by, action: 'operator_key.revoke', subject, outcome: 'done' });
  const [row] = await query<{ revoked: number; known: number }>(
    deps,
    REVOKE,
    REVOKE.values({ keyId, ...audit }),
  );
  if (row === undefined || row.known === 0) return 'not_found';
  return row.revoked === 0 ? 'unchanged' : 'done';
}
