import { sentence } from '@emr-payments/contracts';
import type { Static } from '@sinclair/typebox';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus, isSuccess } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJsonAs } from '../../http/read-json.ts';
import { type Refusal, wordsFor } from '../../http/refusal-sentence.ts';
import type { Trouble } from '../../trouble.ts';
import { ListSchema, saidBy, saysError } from './envelope.ts';
import type { NexConnection } from './settings.ts';

/** A page has at most 1,000 rows. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_PAGES = 20;

/** The ledger is served in version 3 alone; locations and the state of the sync in version 2, which `Accept` names. */
export const LEDGER = { accept: 'application/json', 'nex-api-version': 'v3.0.0' } as const;
export const PLATFORM = { accept: 'application/vnd.Nexhealth+json;version=2' } as const;

/** `trouble` is in our words and may go to anybody. `refusal` has NexHealth's, and is for the operator only. */
export type Failed = { ok: false; trouble: Trouble; refusal: Refusal };

export type ReadInput = {
  /** With its slash, such as `/payments`. */
  path: string;
  query: Readonly<Record<string, string | number | boolean>>;
  headers: typeof LEDGER | typeof PLATFORM;
  /** True: on a connection of its own. An empty answer to an earlier request would be believed. */
  unshared?: boolean;
};

/** Everything that an answer of one or several pages says about itself. */
export type Rows = {
  ok: true;
  rows: readonly unknown[];
  errorSaid: boolean;
  /** Each page said whether another follows, and the last said that none does. */
  complete: boolean;
  /** The number of entries that NexHealth states; null when it states none. */
  counted: number | null;
  servedFromCache: boolean;
};

/** One page of a list. `answeredAt` is NexHealth's clock, in ms: the answer's `Date`; null without one. */
export type ReadPage = {
  ok: true;
  list: Static<typeof ListSchema>;
  cached: boolean;
  answeredAt: number | null;
  request: string;
};

export async function readPage(
  nex: NexConnection,
  { path, query, headers, unshared = false }: ReadInput,
  options: CallOptions,
): Promise<ReadPage | Failed> {
  const parameters = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const request = `GET ${path}`;
  const answer = await nex.session.read(
    { path: `${path}?${parameters}`, headers, maxAnswerBytes: MAX_ANSWER_BYTES, unshared },
    options,
  );
  if (answer.kind === 'no_answer')
    return { ok: false, trouble: describeNoAnswer(answer), refusal: { request, status: null, words: '' } };
  const failed = (trouble: Trouble): Failed => ({
    ok: false,
    trouble,
    refusal: { request, status: answer.status, words: wordsFor(saidBy(answer.body), nex.secrets) },
  });
  // The words of a look-up or a list are for the operator who checks a connection, not for a payment.
  const { emrText: _, ...withoutWords } = describeStatus(answer);
  if (!isSuccess(answer)) return failed(withoutWords);
  if (answer.status !== 200) {
    const detail = sentence`The EMR answered a read with HTTP ${answer.status}.`;
    return failed({ code: 'unexpected_status', detail });
  }
  const list = readJsonAs(ListSchema, answer.body);
  if (list === null)
    return failed({
      code: 'bad_answer',
      detail: sentence`The EMR's answer is not the list that was requested.`,
    });
  const answeredAt = Date.parse(String(answer.headers.date ?? ''));
  return {
    ok: true,
    list,
    cached: servedFromCache(answer.headers),
    answeredAt: Number.isNaN(answeredAt) ? null : answeredAt,
    request,
  };
}

/** Reads all pages of a list, at most 20, forward by `end_cursor` (https://docs.nexhealth.com/reference/pagination). */
export async function readRows(
  nex: NexConnection,
  input: ReadInput,
  options: CallOptions,
): Promise<Rows | Failed> {
  let rows: readonly unknown[] = [];
  let [errorSaid, cached] = [false, false];
  let counted: number | null = null;
  let cursor: string | undefined;
  for (let number = 1; ; number += 1) {
    const query = cursor === undefined ? input.query : { ...input.query, end_cursor: cursor };
    const page = await readPage(nex, { ...input, query }, options);
    if (!page.ok) return page;
    const { data, count, page_info: info } = page.list;
    rows = rows.concat(data);
    if (typeof count === 'number') counted = Math.max(counted ?? 0, count);
    errorSaid ||= saysError(page.list);
    cached ||= page.cached;
    if (info?.has_next_page !== true)
      return { ok: true, rows, errorSaid, complete: info !== undefined, counted, servedFromCache: cached };
    const { request } = page;
    const stopped = (trouble: Trouble): Failed => ({
      ok: false,
      trouble,
      refusal: { request: `${request} (page ${number})`, status: null, words: '' },
    });
    if (info.end_cursor === undefined || info.end_cursor === '' || info.end_cursor === cursor) {
      const detail = sentence`The EMR says that there is another page, and not where it begins.`;
      return stopped({ code: 'bad_answer', detail });
    }
    if (number === MAX_PAGES)
      return stopped({ code: 'answer_too_large', detail: sentence`The EMR's list is too long.` });
    cursor = info.end_cursor;
  }
}

/** A list that reports an error is not believed. */
export function refuseError<T extends Rows>(read: T | Failed, request: string): T | Failed {
  if (!read.ok || !read.errorSaid) return read;
  return {
    ok: false,
    trouble: { code: 'bad_answer', detail: sentence`The EMR reported an error with its list.` },
    refusal: { request, status: null, words: '' },
  };
}
