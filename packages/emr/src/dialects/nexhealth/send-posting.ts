import { FAILURE_CODES, sentence } from '@emr-payments/contracts';
import type { PostOptions } from '../../calls.ts';
import { noteMarker } from '../../note-marker.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { classifyPost } from './classify.ts';
import { NO_TYPE_HERE, typeIdAt } from './payment-types.ts';
import { LEDGER } from './read.ts';
import type { NexConnection, NexSettings } from './settings.ts';

/** Enough for an error; the good answer has no documented body. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** An id as NexHealth has them: a whole number that JSON carries exactly. In any other text `Number` could see another id. */
const ID = /^[1-9]\d{0,14}$/;

/** Our key at NexHealth, at most 50 characters. No person sees it in the practice's system. */
export const transactionId = (
  { transaction_id_prefix: prefix }: Pick<NexSettings, 'transaction_id_prefix'>,
  { paymentId }: { paymentId: string },
): string => `${prefix}${paymentId}`;

/**
 * The text that the practice sees: our payment id first, because some systems cut notes, then the reference number, then the notes.
 * Neither has a place of its own there.
 */
const noteOf = ({ paymentId, referenceNumber, notes }: Posting): string =>
  `${noteMarker(paymentId)} ${referenceNumber}${notes === null ? '' : `\n${notes}`}`;

/**
 * Maps a posting to `POST /payments` (https://docs.nexhealth.com/reference/postpayments). A payment is NEGATIVE there, because it
 * lowers the patient's balance; a positive amount is a refund (https://docs.nexhealth.com/reference/payments).
 */
function toPayment(posting: Posting, typeId: string, settings: NexSettings) {
  return {
    payment: {
      patient_id: Number(posting.emrPatientId),
      // Twelve digits at most: a JSON number carries them exactly.
      amount: -Number(posting.amount),
      currency: 'USD',
      transaction_id: transactionId(settings, posting),
      payment_type_id: Number(typeId),
      // Noon is the same day in UTC, in which NexHealth keeps it, and everywhere in the United States.
      paid_at: `${posting.depositDate}T12:00:00Z`,
      notes: noteOf(posting),
    },
  };
}

/** Sends one payment, once. */
export async function sendPosting(
  { session, settings }: NexConnection,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  if (!ID.test(posting.emrPatientId)) {
    const reason = sentence`${FAILURE_CODES.unknown_patient.says} The id of the patient is not one of NexHealth. Nothing was sent.`;
    return { outcome: 'refused', code: 'unknown_patient', reason };
  }
  const typeId = typeIdAt(posting.method.id, posting.location.id);
  if (typeId === null || !ID.test(typeId))
    return { outcome: 'refused', code: 'unknown_payment_method', reason: NO_TYPE_HERE };
  const query = new URLSearchParams({ subdomain: settings.subdomain, location_id: posting.location.id });
  const answer = await session.send(
    {
      path: `/payments?${query}`,
      headers: LEDGER,
      body: {
        contentType: 'application/json',
        text: JSON.stringify(toPayment(posting, typeId, settings)),
      },
      maxAnswerBytes: MAX_ANSWER_BYTES,
    },
    options,
  );
  return classifyPost(answer);
}
