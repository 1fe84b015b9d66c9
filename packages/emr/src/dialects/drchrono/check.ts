import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { failedCheck } from '../../failed-check.ts';
import { refusalSentence, wordsFor } from '../../http/refusal-sentence.ts';
import { LISTS } from './lists.ts';
import { RowSchema } from './payment.ts';
import { PAYMENTS, readPages, type UnreadPage } from './read-pages.ts';
import { CURRENT_USER, readPractice } from './read-practice.ts';
import { type DrChrono, PRACTICE_GROUP } from './settings.ts';

/**
 * Checks the login and the right to read payments, by one row of them, and reads which practice the login is of. Whether it may also
 * write is known only after the first payment: that is a scope of its own.
 */
export async function checkDrChrono(
  { session, secrets }: DrChrono,
  options: CallOptions,
): Promise<CheckOutcome> {
  const refused = (request: string, { status, words, trouble }: Omit<UnreadPage, 'ok'>) =>
    failedCheck(refusalSentence({ request, status, words: wordsFor(words, secrets) }, trouble), trouble);
  const read = await readPages(
    session,
    { list: PAYMENTS, schema: RowSchema, query: '?page_size=1', most: 1 },
    options,
  );
  if (!read.ok) return refused(`GET ${PAYMENTS}`, read);
  const practice = await readPractice(session, options);
  if (!practice.ok) return refused(`GET ${CURRENT_USER}`, practice);
  const unnamed =
    practice.practiceGroup === null
      ? [
          `GET ${CURRENT_USER} answered ${practice.why}, so DrChrono does not say which practice the login is of: after another login, a payment whose answer was lost and that is not found goes to a person.`,
        ]
      : [];
  return {
    ok: true,
    methods: LISTS.methods.length,
    locations: null,
    unusable: [],
    settings: {},
    statement: { [PRACTICE_GROUP]: practice.practiceGroup },
    remarks: unnamed,
  };
}
