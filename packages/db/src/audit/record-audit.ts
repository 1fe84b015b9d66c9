import type { Database } from '../core/database.ts';
import { query, type StatementDeps, type Statements } from '../core/statements.ts';
import { type AuditInput, clip } from './entry.ts';

/**
 * The end of a statement that also writes what it did into the audit log: one entry, in the same commit, when the CTE
 * `from` has a row.
 *
 * @param input.at number of the first of six parameters, in the order of `auditValues`.
 */
export function auditCte({ from, at }: { from: string; at: number }): string {
  const [actor, source, action, subject, outcome, detail] = [0, 1, 2, 3, 4, 5].map((n) => `$${at + n}`);
  return `audited AS (
      INSERT INTO audit_log (actor, source, action, subject, outcome, detail)
      SELECT ${actor}, ${source}, ${action}, ${subject}, ${outcome}, ${detail}::jsonb FROM ${from}
    )`;
}

/** The six values of `auditCte`. */
export function auditValues(input: AuditInput): unknown[] {
  const { actor, source, action, subject, outcome, detail } = input;
  return [
    clip(actor),
    clip(source),
    action,
    clip(subject),
    outcome,
    detail === undefined ? null : JSON.stringify(detail),
  ];
}

/** The same as an entry for Prisma, to stand in one `$transaction([…])` with the write that it tells of. */
export function auditCreate({ database }: { database: Pick<Database, 'prisma'> }, input: AuditInput) {
  const { actor, source, action, subject, outcome, count, detail } = input;
  return database.prisma.auditEntry.create({
    data: {
      actor: clip(actor),
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

const RECORD = {
  name: 'record-audit',
  text: `
    INSERT INTO audit_log (actor, source, action, subject, outcome, count, detail)
    SELECT actor, source, action, subject, outcome, count, detail
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::jsonb[])
           AS given(actor, source, action, subject, outcome, count, detail)`,
};

/** Writes several entries in one statement. */
export async function recordAudits(deps: StatementDeps, entries: readonly AuditInput[]): Promise<void> {
  await query(deps, RECORD, [
    entries.map((entry) => clip(entry.actor)),
    entries.map((entry) => clip(entry.source)),
    entries.map((entry) => entry.action),
    entries.map((entry) => clip(entry.subject)),
    entries.map((entry) => entry.outcome),
    entries.map((entry) => entry.count ?? 1),
    entries.map((entry) => (entry.detail === undefined ? null : JSON.stringify(entry.detail))),
  ]);
}

/**
 * Writes one entry, for an action that has no transaction of its own to stand in. For failed credentials there is
 * `countCredentialFailures`: strangers can cause those without end.
 */
export async function recordAudit(deps: { database: Statements }, entry: AuditInput): Promise<void> {
  await recordAudits(deps, [entry]);
}
