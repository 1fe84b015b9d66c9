import { randomInt } from 'node:crypto';
import { sentence } from '@emr-payments/contracts';
import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallOptions } from '../../calls.ts';
import { servedFromCache } from '../../http/cached-answer.ts';
import { describeStatus, isSuccess } from '../../http/evidence.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJson } from '../../http/read-json.ts';
import { type Refusal, wordsFor } from '../../http/refusal-sentence.ts';
import type { Trouble } from '../../trouble.ts';
import type { OpenDentalConnection } from './settings.ts';

/** "Chunks of up to 100 items at a time" (https://www.opendental.com/site/apiimplementation.html). */
export const PAGE_ROWS = 100;
/** The smallest page of a look-up, which draws its size by lot: a cache that obeys no header rarely has an answer for its URL. */
const SMALLEST_PAGE = 50;
/** More pages than this are no answer to a question of ours. */
const MAX_PAGES = 50;
/** A hundred notes of 4,000 characters, each of up to four bytes, and the other fields. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** A key of the database. It can have 19 digits, and is text here. Keys of more than 15 digits arrive as text. */
export const Key = Type.Union([
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  Type.String({ pattern: '^\\d{1,19}$' }),
]);
export const keyText = (key: Static<typeof Key>): string => String(key);

/** `trouble` is in our words and may go to anybody. `refusal` has the EMR's, and is for the operator only. */
export type Failed = { ok: false; trouble: Trouble; refusal: Refusal };

export type Rows<T> = {
  /** The rows that were understood, each once. */
  rows: T[];
  seen: number;
  understood: number;
  /** False when rows may be missing. */
  complete: boolean;
  servedFromCache: boolean;
  /** Why a later page could not be read. The first page was. */
  failed: Failed | null;
};

type RowsInput<T extends TSchema> = {
  /** Such as `/payments`. */
  resource: string;
  /** The member of a row that identifies it, such as `PayNum`. */
  key: string;
  query: Readonly<Record<string, string>>;
  schema: T;
  /** True for a look-up: on connections of their own, and in pages of a size that is drawn by lot. */
  unshared?: boolean;
  /** True: read on until a page has no further row, because the office may give fewer rows than it is asked for. One request more. */
  toTheLast?: boolean;
};

/** Reads one page of a list, whatever its rows hold. */
export async function readPage(
  { session, secrets }: OpenDentalConnection,
  { resource, query, unshared = false }: Pick<RowsInput<TSchema>, 'resource' | 'query' | 'unshared'>,
  options: CallOptions,
): Promise<{ ok: true; raw: unknown[]; cached: boolean } | Failed> {
  const request = `GET ${resource}`;
  const path = `${resource}?${new URLSearchParams(query)}`;
  const result = await session.read({ path, maxAnswerBytes: MAX_ANSWER_BYTES, unshared }, options);
  if (result.kind === 'no_answer') {
    return {
      ok: false,
      trouble: describeNoAnswer(result),
      refusal: { request, status: null, words: '' },
    };
  }
  const failed = (trouble: Trouble): Failed => ({
    ok: false,
    trouble,
    refusal: { request, status: result.status, words: wordsFor(result.body, secrets) },
  });
  if (!isSuccess(result)) return failed(describeStatus(result));
  if (result.status !== 200) {
    const detail = sentence`The EMR answered a read with HTTP ${result.status}.`;
    return failed({ code: 'unexpected_status', detail });
  }
  const raw = readJson(result.body);
  if (!Array.isArray(raw))
    return failed({
      code: 'bad_answer',
      detail: sentence`The EMR's answer is not the list that was requested.`,
    });
  return { ok: true, raw, cached: servedFromCache(result.headers) };
}

/** Two answers show the same row with different members: `serverDateTime` is the time of the answer. */
const keyIn = (row: unknown, key: string): string =>
  typeof row === 'object' && row !== null ? JSON.stringify((row as Record<string, unknown>)[key]) : '';

/**
 * Reads a list to its end. "If your result is exactly 100 rows, then perform sequential GETs with offsets until your result is less
 * than 100 rows" (https://www.opendental.com/site/apiimplementation.html). With a smaller `Limit`, that is the number that counts. Each page
 * begins with the last row of the one before: when it does not, a row was added or removed meanwhile, or the offset was ignored, and a
 * row may have been passed over.
 */
export async function readRows<T extends TSchema>(
  connection: OpenDentalConnection,
  { resource, key, query, schema, unshared, toTheLast = false }: RowsInput<T>,
  options: CallOptions,
): Promise<({ ok: true } & Rows<Static<T>>) | Failed> {
  const result: Rows<Static<T>> = {
    rows: [],
    seen: 0,
    understood: 0,
    complete: true,
    servedFromCache: false,
    failed: null,
  };
  const limit = unshared === true ? randomInt(SMALLEST_PAGE, PAGE_ROWS + 1) : PAGE_ROWS;
  let last: string | null = null;
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const offset = Math.max(0, result.seen - 1);
    const paged = { ...query, Offset: String(offset), Limit: String(limit) };
    const read = await readPage(
      connection,
      { resource, query: paged, ...(unshared === undefined ? {} : { unshared }) },
      options,
    );
    if (!read.ok) return page === 1 ? read : { ok: true, ...result, complete: false, failed: read };
    result.servedFromCache ||= read.cached;
    const [first, ...others] = read.raw;
    const continues = last === null || keyIn(first, key) === last;
    result.complete &&= continues;
    for (const row of last === null || !continues ? read.raw : others) {
      result.seen += 1;
      if (!Value.Check(schema, row)) continue;
      result.understood += 1;
      // The other members of a row, such as a patient's name, are not kept.
      result.rows.push(Value.Clean(schema, row) as Static<T>);
    }
    const isLast = toTheLast ? read.raw.length <= (last === null ? 0 : 1) : read.raw.length < limit;
    if (!continues || isLast) return { ok: true, ...result };
    last = keyIn(read.raw.at(-1), key);
  }
  return { ok: true, ...result, complete: false };
}
