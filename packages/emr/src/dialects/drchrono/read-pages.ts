import { sentence } from '@emr-payments/contracts';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import type { EmrSession } from '../../http/session.ts';
import type { Trouble } from '../../trouble.ts';
import { withWords, wordsIn } from './words.ts';

export const PAYMENTS = '/api/patient_payments';
export const PATIENTS = '/api/patients';
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

/** A page that could not be read. `status` and `words` are for an operator. */
export type UnreadPage = { ok: false; trouble: Trouble; status: number | null; words: string };
export type Page = {
  ok: true;
  rows: readonly unknown[];
  /** The query of the next page, with its question mark; null after the last one. */
  next: string | null;
  servedFromCache: boolean;
  /** The EMR's clock, in ms: the answer's `Date`. null without one. */
  answeredAt: number | null;
};

/** The query of the next page, which leads to the same list below our base URL or is not followed. */
function nextBelow(url: string, next: string): string | null {
  const target = URL.parse(next, url);
  if (target === null || target.hash !== '' || target.search === '') return null;
  return target.href.startsWith(`${url}?`) || target.href.startsWith(`${url}/?`) ? target.search : null;
}

/**
 * Reads one page of a list, on a connection of its own: an empty answer to an earlier request would be believed.
 *
 * @param input.query with its question mark.
 */
export async function readPage(
  session: EmrSession,
  { list, query }: { list: typeof PAYMENTS | typeof PATIENTS; query: string },
  options: CallOptions,
): Promise<Page | UnreadPage> {
  const unread = (trouble: Trouble, said: { status: number | null; words: string }): UnreadPage => ({
    ok: false,
    trouble,
    ...said,
  });
  const result = await session.read(
    { path: `${list}${query}`, maxAnswerBytes: MAX_ANSWER_BYTES, unshared: true },
    options,
  );
  if (result.kind === 'no_answer') return unread(describeNoAnswer(result), { status: null, words: '' });
  const { status, body, headers } = result;
  const said = { status, words: wordsIn(body) };
  if (status !== 200) return unread(withWords(describeStatus(result), result), said);
  const page = readJsonAs(PageSchema, body);
  const rows = page === null ? null : rowsOf(page);
  if (page === null || rows === null) {
    const detail = sentence`The EMR's answer is not the list that was requested.`;
    return unread({ code: 'bad_answer', detail }, said);
  }
  const { next = '' } = page;
  const following = next === '' ? null : nextBelow(`${session.baseUrl}${list}`, next);
  if (next !== '' && following === null) {
    const detail = sentence`The EMR's link to the next page does not lead to the same list of the same server.`;
    return unread({ code: 'bad_answer', detail }, { status: null, words: '' });
  }
  const answeredAt = Date.parse(String(headers.date ?? ''));
  return {
    ok: true,
    rows,
    next: following,
    servedFromCache: servedFromCache(headers),
    answeredAt: Number.isNaN(answeredAt) ? null : answeredAt,
  };
}

/** Rows of all pages; or of the pages before the one that could not be read. */
export type Pages<Row> =
  | { ok: true; rows: Row[]; entriesSeen: number; entriesUnderstood: number; servedFromCache: boolean }
  | (UnreadPage & { rows: Row[] });

/**
 * Reads all pages of a list. A row that two pages show, because rows came in between, counts once.
 *
 * @param input.schema of a row: those that it does not fit are not understood.
 * @param input.query with its question mark.
 * @param input.most the number of pages after which to stop without complaint; by default all are read.
 */
export async function readPages<T extends TSchema>(
  session: EmrSession,
  input: { list: typeof PAYMENTS | typeof PATIENTS; schema: T; query: string; most?: number | null },
  options: CallOptions,
): Promise<Pages<Static<T>>> {
  const { list, schema, query, most = null } = input;
  const rows = new Map<string, Static<T>>();
  let entriesSeen = 0;
  let entriesUnderstood = 0;
  let fromCache = false;
  let asked: string | null = query;
  const read = new Set<string>();
  for (let number = 0; asked !== null && number !== most; number += 1) {
    const stopped = (code: 'answer_too_large' | 'bad_answer', detail: Trouble['detail']) => ({
      ...{ ok: false as const, trouble: { code, detail }, status: null, words: '' },
      rows: [...rows.values()],
    });
    if (number === MAX_PAGES) return stopped('answer_too_large', sentence`The EMR's list is too long.`);
    if (read.has(asked)) return stopped('bad_answer', sentence`The EMR's list leads back to a page of it.`);
    read.add(asked);
    const page: Page | UnreadPage = await readPage(session, { list, query: asked }, options);
    if (!page.ok) return { ...page, rows: [...rows.values()] };
    fromCache ||= page.servedFromCache;
    entriesSeen += page.rows.length;
    for (const each of page.rows) {
      if (!Value.Check(schema, each)) continue;
      entriesUnderstood += 1;
      rows.set(String((each as { id: unknown }).id), each);
    }
    asked = page.next;
  }
  return {
    ok: true,
    rows: [...rows.values()],
    entriesSeen,
    entriesUnderstood,
    servedFromCache: fromCache,
  };
}
