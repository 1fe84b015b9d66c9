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

/** Longest time from the beginning of a transaction, which `at` is, to the numbering of its entry; with room to spare. */
const TRANSACTION_MS = 600_000;

/**
 * Finds an id below those of all entries of `since` and later, so that a listing stops there however old the log is. Ids and
 * times grow together except for transactions that run at the same time.
 */
async function idBefore({ database }: AuditDeps, since: Date): Promise<bigint> {
  const older = await database.prisma.auditEntry.findFirst({
    where: { at: { lt: new Date(since.getTime() - TRANSACTION_MS) } },
    orderBy: { at: 'desc' },
    select: { id: true },
  });
  return older?.id ?? 0n;
}

type AuditDeps = { database: Pick<Database, 'prisma'> };

/** Lists entries of the audit log, newest first. */
export async function listAudit(deps: AuditDeps, filter: AuditFilter) {
  const { actor, user, source, subject, action, outcome, since, before, limit } = filter;
  const after = since === undefined ? undefined : await idBefore(deps, since);
  return deps.database.prisma.auditEntry.findMany({
    where: {
      ...(actor === undefined ? {} : { actor }),
      ...(user === undefined ? {} : { userId: user }),
      ...(source === undefined ? {} : { source }),
      ...(subject === undefined ? {} : { subject }),
      ...(action === undefined ? {} : { action }),
      ...(outcome === undefined ? {} : { outcome }),
      ...(since === undefined ? {} : { at: { gte: since } }),
      id: {
        ...(after === undefined ? {} : { gt: after }),
        ...(before === undefined ? {} : { lt: before }),
      },
    },
    orderBy: { id: 'desc' },
    take: limit,
  });
}

export type ListedAudit = Awaited<ReturnType<typeof listAudit>>[number];
