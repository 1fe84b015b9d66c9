import type { Database } from '../core/database.ts';

export type AuditFilter = {
  actor?: string | undefined;
  /** Public id of the user for whom a client acted. */
  user?: string | undefined;
  source?: string | undefined;
  subject?: string | undefined;
  action?: string | undefined;
  outcome?: string | undefined;
  since?: Date | undefined;
  /** Only entries older than the one with this id: the next page. */
  before?: bigint | undefined;
  limit: number;
};

/** Lists entries of the audit log, newest first. */
export async function listAudit({ database }: { database: Pick<Database, 'prisma'> }, filter: AuditFilter) {
  const { actor, user, source, subject, action, outcome, since, before, limit } = filter;
  return database.prisma.auditEntry.findMany({
    where: {
      ...(actor === undefined ? {} : { actor }),
      ...(user === undefined ? {} : { userId: user }),
      ...(source === undefined ? {} : { source }),
      ...(subject === undefined ? {} : { subject }),
      ...(action === undefined ? {} : { action }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(since === undefined ? {} : { at: { gte: since } }),
      ...(before === undefined ? {} : { id: { lt: before } }),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}

export type ListedAudit = Awaited<ReturnType<typeof listAudit>>[number];
