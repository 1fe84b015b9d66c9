import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { failedCheck } from '../../failed-check.ts';
import { refusalSentence, wordsFor } from '../../http/refusal-sentence.ts';
import { LISTS } from './lists.ts';
import { RowSchema } from './payment.ts';
import { PAYMENTS, readPages } from './read-pages.ts';
import type { DrChrono } from './settings.ts';

/**
 * Checks the login and the right to read payments, by one row of them. Whether it may also write is known only after the first
 * payment: that is a scope of its own.
 */
export async function checkDrChrono(
  { session, secrets }: DrChrono,
  options: CallOptions,
): Promise<CheckOutcome> {
  const read = await readPages(
    session,
    { list: PAYMENTS, schema: RowSchema, query: '?page_size=1', most: 1 },
    options,
  );
  if (!read.ok) {
    const refusal = {
      request: `GET ${PAYMENTS}`,
      status: read.status,
      words: wordsFor(read.words, secrets),
    };
    return failedCheck(refusalSentence(refusal, read.trouble), read.trouble);
  }
  return {
    ok: true,
    methods: LISTS.methods.length,
    locations: null,
    unusable: [],
    settings: {},
    statement: {},
    remarks: [],
  };
}
