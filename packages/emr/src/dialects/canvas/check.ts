import { sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import type { CheckOutcome } from '../../adapter.ts';
import type { CallOptions } from '../../calls.ts';
import { failedCheck } from '../../failed-check.ts';
import { describeStatus } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { refusalSentence, wordsFor } from '../../http/refusal-sentence.ts';
import type { Trouble } from '../../trouble.ts';
import { saidBy } from './outcome.ts';
import type { CanvasConnection } from './settings.ts';

const MAX_ANSWER_BYTES = 256 * 1024;
/** No patient has this id. */
const NO_PATIENT = '0'.repeat(32);
const SearchsetSchema = Type.Object({
  resourceType: Type.Literal('Bundle'),
  type: Type.Literal('searchset'),
});
const DROPS =
  'Canvas keeps the patient and the amount of a payment, and nothing else. A payment whose answer is lost needs a person.';

/**
 * Checks what can be tried without writing: the token, and the search of PaymentNotice, which needs the same resource. Whether the
 * application may create one is known only after the first payment.
 */
export async function checkCanvasConnection(
  { session, secrets }: CanvasConnection,
  options: CallOptions,
): Promise<CheckOutcome> {
  const request = 'GET /PaymentNotice';
  const query = new URLSearchParams({ request: `Patient/${NO_PATIENT}`, _count: '1' });
  const answer = await session.read(
    { path: `/PaymentNotice?${query}`, maxAnswerBytes: MAX_ANSWER_BYTES },
    options,
  );
  const refused = (trouble: Trouble, words: string): CheckOutcome => {
    const status = answer.kind === 'answer' ? answer.status : null;
    return failedCheck(
      refusalSentence({ request, status, words: wordsFor(words, secrets) }, trouble),
      trouble,
    );
  };
  if (answer.kind === 'no_answer') return refused(describeNoAnswer(answer), '');
  if (answer.status !== 200) return refused(describeStatus(answer), saidBy(answer.body));
  if (readJsonAs(SearchsetSchema, answer.body) === null) {
    const detail = sentence`The EMR's answer is not the list that was requested.`;
    return refused({ code: 'bad_answer', detail }, saidBy(answer.body));
  }
  return {
    ok: true,
    methods: null,
    locations: null,
    unusable: [],
    settings: {},
    statement: {},
    remarks: [DROPS],
  };
}
export { DROPS };
