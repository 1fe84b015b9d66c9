import { newEventId } from '@emr-payments/contracts';
import type { Database } from '@emr-payments/db';

export type EventInput = {
  clientPk: number;
  type?: string;
  createdAt?: Date;
  payment?: { id: string; jobId: number };
};

/** Writes an event as the worker would, without the work that leads to it. */
export async function writeEvent(
  { prisma }: Pick<Database, 'prisma'>,
  { clientPk, type = 'payment.created', createdAt = new Date(), payment }: EventInput,
): Promise<string> {
  const id = newEventId();
  const body = JSON.stringify({
    id,
    access_token_reference_id: 'user_1',
    object: 'event',
    created: `${createdAt.toISOString().slice(0, 19)}Z`,
    type,
    job_id: String(payment?.jobId ?? 1),
    data: { payment_id: (payment?.id ?? '').replaceAll('-', ''), patient_mrn: 'MRN-1' },
  });
  await prisma.event.create({
    data: {
      id,
      clientPk,
      type,
      createdAt,
      body,
      ...(payment === undefined ? {} : { paymentId: payment.id, round: 1 }),
    },
  });
  return id;
}

/** Writes a finished delivery with one attempt. */
export async function writeDelivery(
  { prisma }: Pick<Database, 'prisma'>,
  input: {
    eventId: string;
    endpointId: string;
    status: 'delivered' | 'failed' | 'canceled';
    createdAt?: Date;
  },
): Promise<bigint> {
  const { status, createdAt = new Date(), ...key } = input;
  const failed = status === 'failed';
  const { type: eventType } = await prisma.event.findUniqueOrThrow({ where: { id: input.eventId } });
  const { id } = await prisma.delivery.create({
    data: {
      ...key,
      eventType,
      status,
      createdAt,
      finishedAt: createdAt,
      attempts: status === 'canceled' ? 0 : 1,
    },
  });
  if (status !== 'canceled') {
    await prisma.deliveryAttempt.create({
      data: {
        eventId: input.eventId,
        deliveryId: id,
        number: 1,
        startedAt: createdAt,
        durationMs: 12,
        httpStatus: failed ? 500 : 200,
        errorKind: failed ? 'http_status' : null,
        excerpt: failed ? 'oops' : null,
      },
    });
  }
  return id;
}
