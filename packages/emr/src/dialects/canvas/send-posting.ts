import type { PostOptions } from '../../calls.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { classifyPost } from './classify.ts';
import type { CanvasConnection } from './settings.ts';

/** Enough for `null` or an OperationOutcome. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Maps a posting to Canvas's PaymentNotice (https://docs.canvasmedical.com/api/paymentnotice), which is not the one of FHIR R4: `payment`
 * and `recipient` are empty, and `request` is the patient. Canvas reads the patient and the amount alone; `created` becomes the time
 * at which it made the record.
 */
function toPaymentNotice({ emrPatientId, amount }: Posting, { now }: { now: Date }) {
  return {
    resourceType: 'PaymentNotice',
    status: 'active',
    request: { reference: `Patient/${emrPatientId}` },
    created: now.toISOString(),
    payment: {},
    recipient: {},
    // Twelve digits at most: a JSON number carries them exactly.
    amount: { value: Number(amount), currency: 'USD' },
  };
}

/** Sends one create, once. Canvas has no conditional create, so the same payment sent again would be a second one. */
export async function sendPosting(
  { session }: CanvasConnection,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  const text = JSON.stringify(toPaymentNotice(posting, { now: new Date() }));
  const answer = await session.send(
    {
      path: '/PaymentNotice',
      body: { contentType: 'application/json', text },
      maxAnswerBytes: MAX_ANSWER_BYTES,
      unshared: true,
    },
    options,
  );
  return classifyPost(answer, posting);
}
