import { randomInt } from 'node:crypto';
import { sentence } from '@emr-payments/contracts';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { EmrSession } from '../../http/session.ts';
import type { Trouble } from '../../trouble.ts';
import { type Payment, PaymentSchema } from './payment.ts';
import { withWords, wordsIn } from './words.ts';

export const PAYMENTS = '/api/patient-payments/v4';
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_PAGES = 20;

const PageSchema = Type.Object({
  items: Type.Array(Type.Unknown()),
  next_page_token: Type.Optional(Type.String()),
});

/** A search that could not be read, with the payments of the pages before. `status` and `words` are for an operator. */
export type Unread = {
  ok: false;
  trouble: Trouble;
  status: number | null;
  words: string;
  payments: Payment[];
};
export type Search =
  | {
      ok: true;
      payments: Payment[];
      entriesSeen: number;
      entriesUnderstood: number;
      servedFromCache: boolean;
    }
  | Unread;

/**
 * Searches for the payments with our id, all pages. The page size is drawn by lot, so that a cache that obeys no header has no
 * answer for it. A payment that two pages show counts once.
 */
export async function searchPayments(
  session: EmrSession,
  { paymentId }: { paymentId: string },
  options: CallOptions,
): Promise<Search> {
  const payments = new Map<string, Payment>();
  const limit = String(randomInt(100, 200));
  let entriesSeen = 0;
  let entriesUnderstood = 0;
  let fromCache = false;
  let token: string | null = '';
  const read = new Set<string>();
  for (let number = 0; token !== null; number += 1) {
    const unread = (
      trouble: Trouble,
      { status, words }: { status: number | null; words: string } = { status: null, words: '' },
    ): Unread => ({ ok: false, trouble, status, words, payments: [...payments.values()] });
    if (number === MAX_PAGES)
      return unread({ code: 'answer_too_large', detail: sentence`The EMR's list is too long.` });
    if (read.has(token))
      return unread({ code: 'bad_answer', detail: sentence`The EMR's list leads back to a page of it.` });
    read.add(token);
    const query: string = new URLSearchParams({
      source_internal_id: paymentId,
      limit,
      ...(token === '' ? {} : { page_token: token }),
    }).toString();
    // On a connection of its own: an empty answer to an earlier request would be believed.
    const result = await session.read(
      { path: `${PAYMENTS}?${query}`, maxAnswerBytes: MAX_ANSWER_BYTES, unshared: true },
      options,
    );
    if (result.kind === 'no_answer') return unread(describeNoAnswer(result));
    const { status, body, headers } = result;
    const said = { status, words: wordsIn(body) };
    if (status !== 200) return unread(withWords(describeStatus(result), result), said);
    const page = readJsonAs(PageSchema, body);
    if (page === null)
      return unread({ code: 'bad_answer', detail: sentence`The EMR's answer is no list of payments.` }, said);
    fromCache ||= servedFromCache(headers);
    entriesSeen += page.items.length;
    for (const each of page.items) {
      if (!Value.Check(PaymentSchema, each)) continue;
      entriesUnderstood += 1;
      payments.set(each.patient_payment_id, each);
    }
    token = page.next_page_token || null;
  }
  return {
    ok: true,
    payments: [...payments.values()],
    entriesSeen,
    entriesUnderstood,
    servedFromCache: fromCache,
  };
}
