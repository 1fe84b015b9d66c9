import { sentence } from '@emr-payments/contracts';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { EmrSession } from '../../http/session.ts';
import type { FindHints } from '../../posting.ts';
import type { Trouble } from '../../trouble.ts';
import { PatientSchema } from './patient-row.ts';
import { PATIENTS } from './read-pages.ts';

/** One patient: the reference has some 80 members. */
const MAX_PATIENT_BYTES = 256 * 1024;

/**
 * Says why nothing follows from a chart without our payment; null when the chart is active. A duplicate chart is marked as inactive, and what
 * was posted to it is entered at the other one; a chart that is gone shows no payment
 * (https://support.drchrono.com/home/deactivate-patient-charts).
 */
export async function doubtAboutChart(
  session: EmrSession,
  { emrPatientId }: Pick<FindHints, 'emrPatientId'>,
  options: CallOptions,
): Promise<Trouble | null> {
  const path = `${PATIENTS}/${encodeURIComponent(emrPatientId)}`;
  const result = await session.read({ path, maxAnswerBytes: MAX_PATIENT_BYTES, unshared: true }, options);
  if (result.kind === 'no_answer') return describeNoAnswer(result);
  const { status, body, headers } = result;
  if (status === 404) {
    const detail = sentence`The EMR does not know the patient, so it cannot be asked for the payment (HTTP 404).`;
    return { code: 'unknown_patient', detail };
  }
  // The connection works: this right is one that posting and looking up do not need.
  if (status === 403) {
    const detail = sentence`The EMR does not let this login read patients, so nobody can say whether the payment is another patient's there. The login needs the scope patients:read.`;
    return { code: 'answer_incomplete', detail };
  }
  if (status !== 200) {
    const { emrText: _, ...trouble } = describeStatus(result);
    return trouble;
  }
  if (servedFromCache(headers))
    return { code: 'answer_cached', detail: sentence`The EMR's answer may be older than our request.` };
  const patient = readJsonAs(PatientSchema, body);
  if (patient === null || String(patient.id) !== emrPatientId) {
    const detail = sentence`The EMR's answer is not the patient of the payment, or has a status that is not documented.`;
    return { code: 'answer_not_understood', detail };
  }
  if (patient.patient_status === 'A') return null;
  const detail = sentence`The patient's chart is inactive in the EMR, so the payment may be another patient's there.`;
  return { code: 'unknown_patient', detail };
}
