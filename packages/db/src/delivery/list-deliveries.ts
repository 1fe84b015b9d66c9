import type { Database } from '../core/database.ts';
import type { DeliveryStatus } from '../generated/enums.ts';

export type DeliveryFilter = {
  endpointId: string;
  status?: DeliveryStatus | undefined;
  eventType?: string | undefined;
  createdAfter?: Date | undefined;
  /** Only those with a smaller number: the next page. */
  before: bigint | null;
  limit: number;
};

/** Attempts shown of one delivery: one that is sent again and again by hand must not make a page without end. */
const MOST_ATTEMPTS = 20;

/** Deliveries of one endpoint with their last attempts, newest first. The caller has seen to whose the endpoint is. */
export async function listDeliveries(
  { database }: { database: Pick<Database, 'prisma'> },
  filter: DeliveryFilter,
) {
  const { endpointId, status, eventType, createdAfter, before, limit } = filter;
  const deliveries = await database.prisma.delivery.findMany({
    where: {
      endpointId,
      ...(status === undefined ? {} : { status }),
      ...(eventType === undefined ? {} : { event: { type: eventType } }),
      ...(createdAfter === undefined ? {} : { createdAt: { gt: createdAfter } }),
      ...(before === null ? {} : { id: { lt: before } }),
    },
    orderBy: { id: 'desc' },
    take: limit,
    include: {
      event: { select: { type: true } },
      tries: { orderBy: { number: 'desc' }, take: MOST_ATTEMPTS },
    },
  });
  const pending = deliveries.filter((delivery) => delivery.status === 'pending').map(({ id }) => id);
  const jobs = await nextAttempts({ database }, { endpointId, deliveryIds: pending });
  return deliveries.map((delivery) => ({
    ...delivery,
    tries: delivery.tries.toReversed(),
    nextAttemptAt: jobs.get(delivery.id) ?? null,
  }));
}

export type ListedDelivery = Awaited<ReturnType<typeof listDeliveries>>[number];

/** When waiting deliveries are due. Jobs are looked for in the endpoint's lane: that is what they are indexed by. */
async function nextAttempts(
  { database }: { database: Pick<Database, 'prisma'> },
  { endpointId, deliveryIds }: { endpointId: string; deliveryIds: bigint[] },
): Promise<Map<bigint, Date>> {
  if (deliveryIds.length === 0) return new Map();
  const endpoint = await database.prisma.webhookEndpoint.findUniqueOrThrow({
    where: { id: endpointId },
    select: { laneId: true },
  });
  const jobs = await database.prisma.job.findMany({
    where: { laneId: endpoint.laneId, deliveryId: { in: deliveryIds } },
    select: { deliveryId: true, runAt: true },
  });
  return new Map(jobs.flatMap(({ deliveryId, runAt }) => (deliveryId === null ? [] : [[deliveryId, runAt]])));
}
