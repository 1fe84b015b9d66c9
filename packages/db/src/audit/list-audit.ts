import type { Database } from '../core/database.ts';

export type AuditFilter = {
  actor?: string | undefined;
  subject?: string | undefined;
  action?: string | undefined;
  since?: Date | undefined;
  /** Only entries older than the one with this id: the next page. */
  before?: bigint | undefined;
  limit: number;
};

/** Lists entries of the audit log, newest first. */
export async function listAudit({ database }: { database: Pick<Database, 'prisma'> }, filter: AuditFilter) {
  const { actor, subject, action, since, before, limit } = filter;
  return database.prisma.auditEntry.findMany({
    where: {
      ...(actor === undefined ? {} : { actor }),
      ...(subject === undefined ? {} : { subject }),
      ...(action === undefined ? {} : { action }),
      ...(since === undefined ? {} : { at: { gte: since } }),
      ...(before === undefined ? {} : { id: { lt: before } }),
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}

export type ListedAudit = Awaited<ReturnType<typeof listAudit>>[number];
