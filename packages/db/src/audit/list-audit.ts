import type { Database } from '../core/database.ts';
import { SEVERAL } from './tally.ts';

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

/** Selects the entries about a record: those of its own, and of an event also those of redeliveries that were written together. */
function about(subject: string) {
  if (!subject.startsWith('event:')) return { subject };
  const eventIds = [subject.slice('event:'.length)];
  const together = { subject: `event:${SEVERAL}`, detail: { path: ['event_ids'], array_contains: eventIds } };
  return { OR: [{ subject }, together] };
}

/** Lists entries of the audit log, newest first. */
export async function listAudit({ database }: { database: Pick<Database, 'prisma'> }, filter: AuditFilter) {
  const { actor, user, source, subject, action, outcome, since, before, limit } = filter;
  return database.prisma.auditEntry.findMany({
    where: {
      ...(actor === undefined ? {} : { actor }),
      ...(user === undefined ? {} : { userId: user }),
      ...(source === undefined ? {} : { source }),
      ...(subject === undefined ? {} : about(subject)),
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
