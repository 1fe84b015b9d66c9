import { newEventId, newPaymentId, paymentIdToUuid } from '@emr-payments/contracts';
import { createAcceptor } from '@emr-payments/db';
import { createPractice } from '@emr-payments/db/testing';
import { parseKeyring } from '@emr-payments/runtime';
import type { Operator } from './operator.ts';

export type PaymentsOfTest = {
  clientPk: number;
  clientId: string;
  userId: number;
  endpointId: string;
  /** Makes a payment with this status directly, without the work that leads to it. */
  endedPayment(status: 'failed' | 'needs_review' | 'posted'): Promise<string>;
  acceptedPayment(): Promise<string>;
};

/** A practice in the operator's database, and payments in any state. */
export async function openPayments({ database, env }: Operator): Promise<PaymentsOfTest> {
  const keyring = parseKeyring(env.ENCRYPTION_KEYS ?? '');
  const practice = await createPractice(
    { database, keyring },
    {
      connection: {
        baseUrl: 'http://127.0.0.1:1/fhir',
        credentials: { bearer_token: 'x' },
        timeZone: 'UTC',
        concurrency: 1,
      },
    },
  );
  const { clientPk, clientId, userId, endpointId } = practice;
  if (endpointId === null) throw new Error('the endpoint was not registered');
  const acceptor = createAcceptor({ database });
  const acceptedPayment = async () => {
    const accepted = await acceptor.accept(practice.input());
    if (accepted.outcome !== 'accepted') throw new Error(accepted.outcome);
    return accepted.paymentId;
  };
  return {
    clientPk,
    clientId,
    userId,
    endpointId,
    acceptedPayment,
    async endedPayment(status) {
      const paymentId = await acceptedPayment();
      const id = paymentIdToUuid(paymentId);
      await database.prisma.$transaction([
        database.prisma.job.deleteMany({ where: { paymentId: id } }),
        database.prisma.payment.update({
          where: { id },
          data: {
            status,
            round: 1,
            settledAt: new Date(),
            lastFence: 3,
            failureCode:
              status === 'posted' ? null : status === 'failed' ? 'unknown_location' : 'outcome_unknown',
            failureReason: status === 'posted' ? null : 'Set by a test.',
          },
        }),
        database.prisma.event.create({
          data: {
            id: newEventId(),
            clientPk,
            userId,
            paymentId: id,
            round: 1,
            type: 'payment.failed',
            body: '{}',
          },
        }),
      ]);
      return paymentId;
    },
  };
}

/** @returns an id that no payment has. */
export const unknownPayment = (): string => newPaymentId();
