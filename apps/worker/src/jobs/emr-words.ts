import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type AttemptEnd, type ClaimedPosting, emrTextRow } from '@emr-payments/db';
import { clip, seal } from '@emr-payments/runtime';
import type { JobDeps } from './deps.ts';

/** The end of an attempt with the EMR's own words, which can name a patient. They leave this process only as below. */
export type WordedAttempt = AttemptEnd & { emrText?: string };

/** Longest reason, in code points, that has words of the EMR in it. */
const LONGEST_REASON = 300;

/** Adds the EMR's own words, if it said any, to the attempt that a posting call ended. */
export function withWords<End extends { attempt: WordedAttempt | null }>(
  end: End,
  { emrText }: { emrText?: string },
): End {
  const { attempt } = end;
  return attempt === null || emrText === undefined ? end : { ...end, attempt: { ...attempt, emrText } };
}

/** Seals the EMR's own words for the row of the attempt, in which nothing else of them is stored. */
export function sealWords(
  { keyring, logger }: Pick<JobDeps, 'keyring' | 'logger'>,
  { posting, attempt }: { posting: ClaimedPosting; attempt: WordedAttempt | null },
): AttemptEnd | null {
  if (attempt === null) return null;
  const { emrText, ...end } = attempt;
  if (emrText === undefined) return end;
  const { claim, payment } = posting;
  try {
    const row = emrTextRow({ paymentId: payment.id, number: claim.fence });
    return { ...end, sealedEmrText: seal(keyring, row, emrText) };
  } catch (err) {
    // The words are a convenience: the outcome, which proves where the money is, is recorded without them.
    logger.error({ err, job_id: claim.jobId, fence: claim.fence }, "the EMR's words could not be sealed");
    return end;
  }
}

/**
 * Makes the reason that the integrator reads. The EMR's own words are in it only where the connection says so; elsewhere it
 * says who can read them.
 */
export function reasonFor(
  { connection }: Pick<ClaimedPosting, 'connection'>,
  { reason, attempt }: { reason: OurSentence; attempt: WordedAttempt | null },
): string {
  const words = attempt?.emrText;
  if (words === undefined) return reason;
  if (!connection.shareEmrText)
    return sentence`${reason} The operator of this service can read the EMR's own words.`;
  const shared = clip(`${reason} The EMR said: ${words}`, LONGEST_REASON);
  return shared.length > reason.length ? shared : reason;
}
