import { type CreatePaymentBody, type DryRunReply, normalMrn } from '@emr-payments/contracts';
import { previewPayment } from '@emr-payments/db';
import { droppedFields } from '@emr-payments/emr/description';
import { type AskDeps, askConnection, type EmrRefusal } from '../connection/ask-connection.ts';
import { fieldsOfPayment } from '../connection/connection-view.ts';

export type DryRunOutcome =
  | { outcome: 'would_post'; data: DryRunReply['data'] }
  | { outcome: 'patient_not_found' }
  | { outcome: 'unknown_name'; field: 'payment_method' | 'location'; rule: string }
  | { outcome: 'method_needs_data'; reason: string }
  | EmrRefusal;

/**
 * Checks a payment without accepting it: the patient as in accepting, payment method and location as in posting. Nothing is
 * written, neither here nor in the EMR.
 *
 * @param input.waitMs longest wait for the EMR.
 */
export async function dryRun(
  deps: AskDeps,
  {
    clientPk,
    userId,
    body,
    waitMs,
  }: { clientPk: number; userId: number; body: CreatePaymentBody; waitMs: number },
): Promise<DryRunOutcome> {
  const patientMrn = normalMrn(body.patient_mrn);
  const preview = await previewPayment(deps, {
    userId,
    patientMrn,
    depositDate: body.deposit_date ?? null,
  });
  if (preview === null) return { outcome: 'patient_not_found' };

  const names = { paymentMethod: body.payment_method, location: body.location };
  const asked = await askConnection(deps, {
    clientPk,
    connection: preview.connection,
    ask: (adapter, signal) => adapter.resolve(names, { signal }),
    waitMs,
  });
  if (asked.outcome !== 'answered') return asked;
  const { adapter, answer } = asked;
  if (answer.outcome === 'refused' && answer.code === 'method_needs_data')
    return { outcome: 'method_needs_data', reason: answer.reason };
  if (answer.outcome === 'refused') {
    const field = answer.code === 'unknown_location' ? 'location' : 'payment_method';
    return { outcome: 'unknown_name', field, rule: answer.reason };
  }
  const problem = adapter.methodProblem?.({ method: answer.method, referenceNumber: body.reference_number });
  if (problem !== undefined && problem !== null) return { outcome: 'method_needs_data', reason: problem };
  return {
    outcome: 'would_post',
    data: {
      would_post: true,
      patient_mrn: patientMrn,
      payment_method: answer.method,
      location: answer.location,
      reference_number: body.reference_number,
      amount: body.amount,
      deposit_date: preview.depositDate,
      dropped_fields: droppedFields(adapter),
      fields: fieldsOfPayment(adapter.describe(), body),
    },
  };
}
