import { type CreatePaymentBody, normalMrn } from '@emr-payments/contracts';
import type { AcceptInput, AcceptOutcome, Acceptor } from '@emr-payments/db';
import type { Caller } from '../auth/credentials.ts';

/**
 * Accepts a payment: the patient is resolved, the idempotency key claimed, payment and job written, in one commit that
 * this request shares with the others in flight. Once it returns `accepted` the payment cannot be lost any more. Neither
 * the EMR nor the queue has been contacted yet. The MRN is stored as the import of patients stores it, whatever blanks the
 * request has around it.
 *
 * @throws DatabaseUnavailableError when Postgres cannot be reached.
 */
export function createPayment(
  { acceptor }: { acceptor: Pick<Acceptor, 'accept'> },
  input: { caller: Caller; body: CreatePaymentBody; idempotency: AcceptInput['idempotency'] },
): Promise<AcceptOutcome> {
  const { caller, body, idempotency } = input;
  return acceptor.accept({
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
}
