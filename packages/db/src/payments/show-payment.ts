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
    include: {
      attempts: { orderBy: [{ sentAt: 'asc' }, { number: 'asc' }] },
      events: { orderBy: { round: 'asc' }, include: { deliveries: { orderBy: { id: 'asc' } } } },
    },
  });
  if (payment === null) return null;
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
    waiting,
    onHold: hold !== null,
    userPublicId: user.publicId,
    clientId: user.client.clientId,
  };
}

export type ShownPayment = NonNullable<Awaited<ReturnType<typeof showPayment>>>;
