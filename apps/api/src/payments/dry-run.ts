import { type CreatePaymentBody, type DryRunReply, normalMrn } from '@emr-payments/contracts';
import { type Actor, previewPayment } from '@emr-payments/db';
import { droppedFields } from '@emr-payments/emr/description';
import type { Caller } from '../auth/credentials.ts';
import { type AskDeps, askConnection, type EmrRefusal } from '../connection/ask-connection.ts';
import { fieldsOfPayment } from '../connection/connection-view.ts';
import type { LookUpOutcome, PatientLookUps } from '../patients/patient-look-ups.ts';

export type DryRunOutcome =
  | { outcome: 'would_post'; data: DryRunReply['data'] }
  | { outcome: 'patient_not_found' }
  | { outcome: 'unknown_name'; field: 'payment_method' | 'location'; rule: string }
  | { outcome: 'method_needs_data'; reason: string }
  | Extract<LookUpOutcome, { outcome: 'patient_lookup_unavailable' }>
  | EmrRefusal;

/**
 * Checks a payment without accepting it: the patient as in accepting, payment method, location and the form of the patient's id as in
 * posting. Nothing is written, neither here nor in the EMR: of a patient who is not known the EMR is asked, and the answer is not stored.
 *
 * @param input.waitMs longest wait for the EMR.
 */
export async function dryRun(
  deps: AskDeps & { lookUps: PatientLookUps },
  { caller, by, body, waitMs }: { caller: Caller; by: Actor; body: CreatePaymentBody; waitMs: number },
): Promise<DryRunOutcome> {
  const patientMrn = normalMrn(body.patient_mrn);
  const preview = await previewPayment(deps, {
    userId: caller.userId,
    patientMrn,
    depositDate: body.deposit_date ?? null,
  });
  if (preview === null) return { outcome: 'patient_not_found' };
  const { emrPatientId } = preview;
  if (emrPatientId === null) {
    const looked = await deps.lookUps.lookUp({ ...caller, mrn: patientMrn, write: false, by });
    if (looked.outcome === 'not_found') return { outcome: 'patient_not_found' };
    if (looked.outcome !== 'found') return looked;
  }

  const names = { paymentMethod: body.payment_method, location: body.location };
  const asked = await askConnection(deps, {
    clientPk: caller.clientPk,
    connection: preview.connection,
    ask: (adapter, options) => adapter.resolve(names, options),
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
  // Stored for another EMR, to which the connection led before: posting would end as `unknown_patient`.
  if (emrPatientId !== null && adapter.isPatientId?.(emrPatientId) === false)
    return { outcome: 'patient_not_found' };
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
