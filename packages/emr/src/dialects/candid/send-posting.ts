import type { PostOptions } from '../../calls.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { classifyPost } from './classify.ts';
import { toPayment } from './payment.ts';
import { PAYMENTS } from './search.ts';
import type { Candid } from './settings.ts';

/** Enough for one payment or one error. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** Sends one create, once. */
export async function sendPosting(
  { session }: Pick<Candid, 'session'>,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  const result = await session.send(
    {
      path: PAYMENTS,
      body: { contentType: 'application/json', text: JSON.stringify(toPayment(posting)) },
      maxAnswerBytes: MAX_ANSWER_BYTES,
    },
    options,
  );
  return classifyPost(result, posting);
}
