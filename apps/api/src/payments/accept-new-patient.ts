import { normalMrn, type OurSentence, sentence } from '@emr-payments/contracts';
import type { AcceptOutcome } from '@emr-payments/db';
import { within } from '@emr-payments/runtime';
import type { AuthOutcome } from '../auth/credentials.ts';
import type { PatientLookUps } from '../patients/patient-look-ups.ts';
import { type CreatePaymentDeps, type CreatePaymentInput, createPayment } from './create-payment.ts';

export type NewPatientOutcome =
  | AcceptOutcome
  /** The credentials were revoked during the look-up. Nothing was accepted. */
  | Exclude<AuthOutcome, { outcome: 'caller' }>
  /** Nothing was accepted. */
  | { outcome: 'patient_lookup_unavailable'; reason: OurSentence; retryAfterMs?: number };

const GONE = sentence`The connection was closed before its answer.`;

/**
 * Accepts a payment whose MRN was not found: the EMR is asked for the patient, and when it names one, the same request is accepted like
 * any other. Its idempotency key is claimed with the acceptance and not before, so that of two requests with one key that wait here
 * together one is accepted and the other gets the same answer.
 *
 * @param input.waitMs longest wait for the database.
 * @param input.authenticate checks the credentials of the request again: a look-up takes seconds, and what was revoked meanwhile creates no
 *   payment.
 * @param input.isGone true when the caller has closed the connection. Nobody would learn of a payment that is accepted seconds after
 *   that, and without a key the caller's next request would be a second one.
 * @throws DatabaseUnavailableError when Postgres cannot be reached.
 */
export async function acceptNewPatient(
  deps: CreatePaymentDeps & { lookUps: PatientLookUps },
  {
    waitMs,
    authenticate,
    isGone,
    ...input
  }: CreatePaymentInput & {
    waitMs: number;
    authenticate: () => AuthOutcome | Promise<AuthOutcome>;
    isGone: () => boolean;
  },
): Promise<NewPatientOutcome> {
  const { caller, body, by } = input;
  const mrn = normalMrn(body.patient_mrn);
  const looked = await deps.lookUps.lookUp({ ...caller, mrn, write: true, by });
  if (looked.outcome === 'not_found') return { outcome: 'patient_not_found' };
  if (looked.outcome !== 'found') return looked;
  const again = await within(waitMs, Promise.resolve(authenticate()));
  if (again.outcome !== 'caller') return again;
  if (isGone()) return { outcome: 'patient_lookup_unavailable', reason: GONE };
  return within(waitMs, createPayment(deps, input));
}
