import { randomUUID } from 'node:crypto';
import { newEventId, newPaymentId, paymentIdToUuid } from '@emr-payments/contracts';
import {
  createAcceptor,
  createClient,
  createUser,
  importPatients,
  registerEndpoint,
  saveConnection,
} from '@emr-payments/db';
import { parseKeyring } from '@emr-payments/runtime';
import type { Operator } from './operator.ts';

export type PracticeOfTest = {
  clientPk: number;
  clientId: string;
  userId: number;
  endpointId: string;
  /** A payment that ended like this, without the work that would have brought it there. */
  endedPayment(status: 'failed' | 'needs_review' | 'posted'): Promise<string>;
  acceptedPayment(): Promise<string>;
};

/** A client with a user, a connection, a patient and an endpoint. */
export async function openPractice({ database, env }: Operator): Promise<PracticeOfTest> {
  const keyring = parseKeyring(env.ENCRYPTION_KEYS ?? '');
  const { clientPk, clientId } = await createClient({ database }, { name: 'Integrator' });
  const { userId } = await createUser({ database }, { clientPk, name: 'Front desk' });
  await saveConnection(
    { database, keyring },
    {
      userId,
      adapter: 'fhir',
      baseUrl: 'http://127.0.0.1:1/fhir',
      credentials: { bearer_token: 'x' },
      timeZone: 'UTC',
      concurrency: 1,
    },
  );
  await importPatients({ database }, { userId, patients: [{ mrn: 'MRN-1', emrPatientId: 'p1' }] });
  const endpointId = await registerEndpoint(
    { database, keyring },
    { clientPk, url: 'https://example.com/hook', secret: `whsec_${randomUUID()}`, concurrency: 1 },
  );
  if (endpointId === null) throw new Error('the endpoint was not registered');
  const acceptor = createAcceptor({ database });
  const acceptedPayment = async () => {
    const accepted = await acceptor.accept({
      clientPk,
      userId,
      patientMrn: 'MRN-1',
      paymentMethod: 'Card',
      referenceNumber: '#1',
      location: '1404',
      amount: '350.00',
      notes: null,
      depositDate: '2026-06-15',
      idempotency: null,
    });
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
            failureReason: status === 'posted' ? null : 'Told so by a test.',
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

/** An id that no payment has. */
export const unknownPayment = (): string => newPaymentId();
