import { FAILURE_CODES, sentence } from '@emr-payments/contracts';
import type { PostOptions } from '../../calls.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { classifyPost } from './classify.ts';
import { isPatientId, toPayment } from './payment.ts';
import type { DrChrono } from './settings.ts';

/** Enough for one payment or one list of field errors. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** Sends one create, once. A list in the body would create many, so it is always one object. */
export async function sendPosting(
  { session, settings }: Pick<DrChrono, 'session' | 'settings'>,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  if (!isPatientId(posting.emrPatientId)) {
    const code = 'unknown_patient';
    const reason = sentence`${FAILURE_CODES[code].says} Its id is not a whole number, as ids of this EMR are. Nothing was sent.`;
    return { outcome: 'refused', code, reason };
  }
  const result = await session.send(
    {
      path: '/api/patient_payments',
      body: { contentType: 'application/json', text: JSON.stringify(toPayment(posting, settings)) },
      maxAnswerBytes: MAX_ANSWER_BYTES,
    },
    options,
  );
  return classifyPost(result, posting);
}
