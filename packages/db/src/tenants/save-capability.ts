import type { Actor } from '../audit/entry.ts';
import { AUDIT_VALUES, auditCte, auditValues } from '../audit/record-audit.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import type { StoredCapability } from './save-connection.ts';

export type CapabilityInput = {
  userId: number;
  publicId: string;
  /** When the connection that was checked was last changed: one that was replaced meanwhile keeps its own. */
  checkedAt: Date;
  /** All settings of the connection, those that were read included. */
  settings: Readonly<Record<string, string | number | boolean>>;
  capability: StoredCapability;
  by: Actor;
};

// Opened adapters are kept by `updated_at`, so it changes even within a millisecond.
const SAVE = named({
  name: 'save-capability',
  values: ['userId', 'checkedAt', 'settings', 'capability', ...AUDIT_VALUES],
  text: `
    WITH saved AS (
      UPDATE connections
         SET settings = :settings::jsonb, capability_statement = :capability::jsonb,
             updated_at = greatest(now(), updated_at + interval '1 millisecond')
       WHERE user_id = :userId AND updated_at = :checkedAt::timestamptz
      RETURNING user_id
    ), ${auditCte({ from: 'saved' })}
    SELECT count(*)::int AS saved FROM saved`,
});

/**
 * Stores what a check has read from the EMR about itself, with an entry in the audit log. Workers open the connection again by it.
 *
 * @returns false when the connection was changed since it was checked: nothing is stored.
 */
export async function saveCapability(
  deps: StatementDeps,
  { userId, publicId, checkedAt, settings, capability, by }: CapabilityInput,
): Promise<boolean> {
  const values = SAVE.values({
    userId,
    checkedAt: checkedAt.toISOString(),
    settings: JSON.stringify(settings),
    capability: JSON.stringify(capability),
    ...auditValues({
      ...by,
      action: 'user.read_capability',
      subject: `user:${publicId}`,
      outcome: 'done',
      detail: { ...capability.settings, ...capability.statement },
    }),
  });
  const [row] = await query<{ saved: number }>(deps, SAVE, values);
  return row?.saved === 1;
}
