import type { Database } from '../core/database.ts';
import { named } from '../core/named.ts';
import { query, type StatementDeps } from '../core/statements.ts';
import { type AuditInput, clip } from './entry.ts';

/** The values of `auditCte`. `auditValues` makes them. */
export const AUDIT_VALUES = [
  'actor',
  'actorUser',
  'source',
  'action',
  'subject',
  'outcome',
  'detail',
] as const;

/**
 * A CTE for a statement with named values (`AUDIT_VALUES`) that writes one entry into the audit log, in the commit of that
 * statement, if `from` has a row.
 *
 * @param input.from a CTE or table expression with at most one row.
 * @param input.detail SQL for the entry's detail, where `from` knows more of it than the value.
 */
export function auditCte({ from, detail = ':detail::jsonb' }: { from: string; detail?: string }): string {
  return `audited AS (
      INSERT INTO audit_log (actor, user_id, source, action, subject, outcome, detail)
      SELECT :actor, :actorUser, :source, :action, :subject, :outcome, ${detail} FROM ${from}
    )`;
}

/** The values of `auditCte`, for one entry. */
export function auditValues(input: AuditInput): Record<(typeof AUDIT_VALUES)[number], string | null> {
  const { actor, user, source, action, subject, outcome, detail } = input;
  return {
    actor: clip(actor),
    actorUser: user ?? null,
    source: clip(source),
    action,
    subject: clip(subject),
    outcome,
    detail: detail === undefined ? null : JSON.stringify(detail),
  };
}

/** An audit entry as a Prisma operation, to go into one `$transaction([…])` with the write that it records. */
export function auditCreate({ database }: { database: Pick<Database, 'prisma'> }, input: AuditInput) {
  const { actor, user, source, action, subject, outcome, count, detail } = input;
  return database.prisma.auditEntry.create({
    data: {
      actor: clip(actor),
      userId: user ?? null,
      source: clip(source),
      action,
      subject: clip(subject),
      outcome,
      ...(count === undefined ? {} : { count }),
      ...(detail === undefined ? {} : { detail }),
    },
    select: { id: true },
  });
}

const RECORD = named({
  name: 'record-audit',
  values: ['actors', 'users', 'sources', 'actions', 'subjects', 'outcomes', 'counts', 'minutes', 'details'],
  text: `
    INSERT INTO audit_log (actor, user_id, source, action, subject, outcome, count, minute, detail)
    SELECT actor, user_id, source, action, subject, outcome, count, minute, detail
      FROM unnest(:actors::text[], :users::text[], :sources::text[], :actions::text[], :subjects::text[], :outcomes::text[],
                  :counts::int[], :minutes::timestamptz[], :details::jsonb[])
           AS given(actor, user_id, source, action, subject, outcome, count, minute, detail)`,
});

/** Writes several entries in one statement. */
export async function recordAudits(deps: StatementDeps, entries: readonly AuditInput[]): Promise<void> {
  const values = RECORD.values({
    actors: entries.map((entry) => clip(entry.actor)),
    users: entries.map((entry) => entry.user ?? null),
    sources: entries.map((entry) => clip(entry.source)),
    actions: entries.map((entry) => entry.action),
    subjects: entries.map((entry) => clip(entry.subject)),
    outcomes: entries.map((entry) => entry.outcome),
    counts: entries.map((entry) => entry.count ?? 1),
    minutes: entries.map((entry) => entry.minute ?? null),
    details: entries.map((entry) => (entry.detail === undefined ? null : JSON.stringify(entry.detail))),
  });
  await query(deps, RECORD, values);
}

/**
 * Writes one entry, for an action that has no statement or transaction of its own to record it in. What callers of the API
 * can cause any number of goes through `createAuditCounter` instead.
 */
export async function recordAudit(deps: StatementDeps, entry: AuditInput): Promise<void> {
  await recordAudits(deps, [entry]);
}
