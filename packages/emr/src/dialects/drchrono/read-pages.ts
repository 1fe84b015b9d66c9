import { sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions, Trouble } from '../../adapter.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { EmrSession } from '../../http/session.ts';
import { type Row, RowSchema } from './payment.ts';
import { withWords, wordsIn } from './words.ts';

export const PAYMENTS = '/api/patient_payments';
/** A page has at most 250 rows. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_PAGES = 100;

/** The OpenAPI document calls the rows `data`, the reference beside it `results`: exactly one of them is there. */
const PageSchema = Type.Object({
  results: Type.Optional(Type.Array(Type.Unknown())),
  data: Type.Optional(Type.Array(Type.Unknown())),
  next: Type.Optional(Type.String()),
});

function rowsOf({ results, data }: Static<typeof PageSchema>): readonly unknown[] | null {
  if (results !== undefined && data !== undefined) return null;
  return results ?? data ?? null;
}

/** A list that could not be read, with the rows of the pages before. `status` and `words` are for an operator. */
export type Unread = { ok: false; trouble: Trouble; status: number | null; words: string; rows: Row[] };
export type Pages =
  | { ok: true; rows: Row[]; entriesSeen: number; entriesUnderstood: number; servedFromCache: boolean }
  | Unread;

/** The address of the next page, which leads to payments below our base URL or is not followed. */
function nextBelow(baseUrl: string, next: string): string | null {
  const url = URL.parse(next, `${baseUrl}${PAYMENTS}`);
  if (url === null || url.hash !== '') return null;
  return url.href.startsWith(`${baseUrl}${PAYMENTS}?`) || url.href.startsWith(`${baseUrl}${PAYMENTS}/?`)
    ? url.href
    : null;
}

/**
 * Reads all pages of payments. A row that two pages show, because rows came in between, counts once.
 *
 * @param input.query with its question mark.
 * @param input.most the number of pages after which to stop without complaint; by default all are read.
 */
export async function readPages(
  session: EmrSession,
  { query, most = null }: { query: string; most?: number | null },
  options: CallOptions,
): Promise<Pages> {
  const rows = new Map<string, Row>();
  let entriesSeen = 0;
  let entriesUnderstood = 0;
  let fromCache = false;
  let path: string | null = `${PAYMENTS}${query}`;
  const read = new Set<string>();
  for (let number = 0; path !== null && number !== most; number += 1) {
    const unread = (
      trouble: Trouble,
      { status, words }: { status: number | null; words: string } = { status: null, words: '' },
    ): Unread => ({ ok: false, trouble, status, words, rows: [...rows.values()] });
    if (number === MAX_PAGES)
      return unread({ code: 'answer_too_large', detail: sentence`The EMR's list is too long.` });
    if (read.has(path))
      return unread({ code: 'bad_answer', detail: sentence`The EMR's list leads back to a page of it.` });
    read.add(path);
    // On a connection of its own: an empty answer to an earlier request would be believed.
    const result = await session.read({ path, maxAnswerBytes: MAX_ANSWER_BYTES, unshared: true }, options);
    if (result.kind === 'no_answer') return unread(describeNoAnswer(result));
    const { status, body, headers } = result;
    const said = { status, words: wordsIn(body) };
    if (status !== 200) return unread(withWords(describeStatus(result), result), said);
    const page = readJsonAs(PageSchema, body);
    const found = page === null ? null : rowsOf(page);
    if (page === null || found === null) {
      const detail = sentence`The EMR's answer is no list of payments.`;
      return unread({ code: 'bad_answer', detail }, said);
    }
    fromCache ||= servedFromCache(headers);
    entriesSeen += found.length;
    for (const each of found) {
      if (!Value.Check(RowSchema, each)) continue;
      entriesUnderstood += 1;
      rows.set(String(each.id), each);
    }
    const { next = '' } = page;
    path = next === '' ? null : nextBelow(session.baseUrl, next);
    if (next !== '' && path === null) {
      const detail = sentence`The EMR's link to the next page leads to no list of payments of the same server.`;
      return unread({ code: 'bad_answer', detail });
    }
  }
  return {
    ok: true,
    rows: [...rows.values()],
    entriesSeen,
    entriesUnderstood,
    servedFromCache: fromCache,
  };
}
