import type { Database } from '../core/database.ts';
import type { DeliveryStatus } from '../generated/enums.ts';

export type DeliveryFilter = {
  endpointId: string;
  status?: DeliveryStatus | undefined;
  eventType?: string | undefined;
  createdAfter?: Date | undefined;
  /** Only deliveries with a smaller number: the next page. */
  before: bigint | null;
  limit: number;
};

/** Most attempts shown of one delivery: a page stays bounded, however often a delivery was sent again. */
const MOST_ATTEMPTS = 20;

/** Lists the deliveries of one endpoint with their last attempts, newest first. The caller must check whose endpoint it is. */
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

/** Finds when waiting deliveries are due. Jobs are looked up by the endpoint's lane because that is how they are indexed. */
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
