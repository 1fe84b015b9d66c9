import { paymentIdToUuid } from '@emr-payments/contracts';
import type { Database } from '../core/database.ts';
import type { PageAfter } from '../endpoints/endpoint-record.ts';

export type EventFilter = {
  clientPk: number;
  type?: string | undefined;
  jobId?: bigint | undefined;
  /** 32 lower-case hex digits. */
  paymentId?: string | undefined;
  createdAfter?: Date | undefined;
  after: PageAfter | null;
  limit: number;
};

/** `body` is the exact text that was signed and sent, in the newest payload version. */
export type EventRow = { id: string; createdAt: Date; body: string };

const SHOWN = { id: true, createdAt: true, body: true } as const;

/** Lists the events of one client, newest first. */
export async function pageOfEvents(
  { database }: { database: Pick<Database, 'prisma'> },
  filter: EventFilter,
): Promise<EventRow[]> {
  const { clientPk, type, jobId, paymentId, createdAfter, after, limit } = filter;
  return database.prisma.event.findMany({
    where: {
      clientPk,
      ...(type === undefined ? {} : { type }),
      // A job's events are those of its payment; the index is on the payment.
      ...(jobId === undefined ? {} : { payment: { jobId } }),
      ...(paymentId === undefined ? {} : { paymentId: paymentIdToUuid(paymentId) }),
      ...(createdAfter === undefined ? {} : { createdAt: { gt: createdAfter } }),
      ...(after === null
        ? {}
        : {
            // The first bound is for the index; the second leaves out the rows of the page before.
            AND: [
              { createdAt: { lte: after.createdAt } },
              { OR: [{ createdAt: { lt: after.createdAt } }, { id: { lt: after.id } }] },
            ],
          }),
    },
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    take: limit,
    select: SHOWN,
  });
}

/** Finds one event; null when there is none of that id, or it is another client's. */
export async function findEvent(
  { database }: { database: Pick<Database, 'prisma'> },
  { clientPk, eventId }: { clientPk: number; eventId: string },
): Promise<EventRow | null> {
  return database.prisma.event.findFirst({ where: { id: eventId, clientPk }, select: SHOWN });
}
