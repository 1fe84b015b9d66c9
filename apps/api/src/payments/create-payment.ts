import { type CreatePaymentBody, normalMrn } from '@emr-payments/contracts';
import type {
  AcceptInput,
  AcceptOutcome,
  Acceptor,
  Actor,
  AuditCounter,
  CountedAction,
} from '@emr-payments/db';
import type { Caller } from '../auth/credentials.ts';

export type CreatePaymentDeps = {
  acceptor: Pick<Acceptor, 'accept'>;
  audit: Pick<AuditCounter, 'action'>;
};

export type CreatePaymentInput = {
  caller: Caller;
  body: CreatePaymentBody;
  idempotency: AcceptInput['idempotency'];
  by: Actor;
};

/**
 * Accepts a payment: the patient is resolved, the idempotency key claimed, payment and job written, in one commit that
 * this request shares with the others in flight. Once it returns `accepted` the payment cannot be lost any more. Neither
 * the EMR nor the queue has been contacted yet. The MRN is stored as the import of patients stores it, whatever blanks the
 * request has around it.
 *
 * The audit log counts it, also when it is accepted too late for the answer. Of an acceptance whose end is unknown it counts
 * that there was one.
 *
 * @throws DatabaseUnavailableError when Postgres cannot be reached.
 */
export async function createPayment(
  { acceptor, audit }: CreatePaymentDeps,
  input: CreatePaymentInput,
): Promise<AcceptOutcome> {
  const { caller, body, idempotency, by } = input;
  const count = (outcome: CountedAction['outcome']): void => {
    const subject = `user:${caller.userPublicId}` as const;
    audit.action({ ...by, user: caller.userPublicId, action: 'payment.create', subject, outcome });
  };
  const accepting = acceptor.accept({
    clientPk: caller.clientPk,
    userId: caller.userId,
    patientMrn: normalMrn(body.patient_mrn),
    paymentMethod: body.payment_method,
    referenceNumber: body.reference_number,
    location: body.location,
    amount: body.amount.toFixed(2),
    notes: body.notes ?? null,
    depositDate: body.deposit_date ?? null,
    idempotency,
  });
  try {
    const result = await accepting;
    if (result.outcome === 'accepted' && !result.replayed) count('done');
    return result;
  } catch (error) {
    count('failed');
    throw error;
  }
}
