import { paymentIdToUuid } from '@emr-payments/contracts';
import type { Database } from '../core/database.ts';
import { findWaiting } from './find-waiting.ts';

/** Reads a payment with its attempts, events and deliveries, for operators; null when there is none of that id. */
export async function showPayment(
  { database }: { database: Pick<Database, 'prisma' | 'pool'> },
  { paymentId }: { paymentId: string },
) {
  const { prisma } = database;
  const payment = await prisma.payment.findUnique({
    where: { id: paymentIdToUuid(paymentId) },
  });
  if (payment === null) return null;
  const attempts = await prisma.postingAttempt.findMany({
    where: { paymentId: payment.id },
    orderBy: [{ sentAt: 'asc' }, { number: 'asc' }],
  });
  const events = await prisma.event.findMany({ where: { paymentId: payment.id }, orderBy: { round: 'asc' } });
  const deliveries = await prisma.delivery.findMany({
    where: { eventId: { in: events.map(({ id }) => id) } },
    orderBy: { id: 'asc' },
  });
  const user = await prisma.user.findUniqueOrThrow({
    where: { id: payment.userId },
    select: { publicId: true, client: { select: { clientId: true } } },
  });
  const waiting = await findWaiting({ database }, { jobId: payment.jobId });
  const hold =
    payment.settledAt === null
      ? await prisma.hold.findFirst({
          where: { endedAt: null, OR: [{ userId: null }, { userId: payment.userId }] },
          select: { id: true },
        })
      : null;
  return {
    ...payment,
    attempts,
    events: events.map((event) => ({
      ...event,
      deliveries: deliveries.filter(({ eventId }) => eventId === event.id),
    })),
    waiting,
    onHold: hold !== null,
    userPublicId: user.publicId,
    clientId: user.client.clientId,
  };
}

export type ShownPayment = NonNullable<Awaited<ReturnType<typeof showPayment>>>;
