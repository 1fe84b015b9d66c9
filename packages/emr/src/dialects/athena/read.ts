import { sentence } from '@emr-payments/contracts';
import type { CallOptions } from '../../calls.ts';
import { describeStatus, isSuccess } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';
import { describeNoAnswer } from '../../http/no-answer.ts';
import { readJson } from '../../http/read-json.ts';
import { type Refusal, wordsFor } from '../../http/refusal-sentence.ts';
import type { Trouble } from '../../trouble.ts';
import type { AthenaConnection } from './connection.ts';
import { errorIn, saidBy } from './envelope.ts';

const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** The largest page is 5000 (https://docs.athenahealth.com/api/workflows/payment-testing). */
const PAGE = 1000;
const MAX_PAGES = 20;

/** `trouble` is in our words and may go to anybody. `refusal` has athena's, and is for the operator only. */
export type Failed = { ok: false; trouble: Trouble; refusal: Refusal };

export type ListInput = {
  /** Below the practice, with its slash. */
  path: string;
  /** The member of the answer that has the rows. An answer may be the list itself. */
  member: string;
  /** False: athena gives the list whole, and takes no `limit`. */
  paged: boolean;
};

type Page = { ok: true; rows: readonly unknown[]; total: number | null };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The rows of an answer and the count that it states; null when it is not this list. */
function pageIn(body: string, member: string): Omit<Page, 'ok'> | null {
  if (errorIn(body) !== null) return null;
  const value = readJson(body);
  if (Array.isArray(value)) return { rows: value, total: null };
  const rows = isObject(value) ? value[member] : undefined;
  if (!isObject(value) || !Array.isArray(rows)) return null;
  const total = Number(value.totalcount);
  return { rows, total: Number.isInteger(total) && total >= 0 ? total : null };
}

/** Says what went wrong with a read. */
export function troubleOf({ waitMs }: AthenaConnection, answer: Answer): Trouble {
  const trouble = describeStatus(answer);
  if (trouble.retryAfterMs !== undefined) return trouble;
  const retryAfterMs = waitMs(answer);
  return retryAfterMs === undefined ? trouble : { ...trouble, retryAfterMs };
}

async function readPage(
  athena: AthenaConnection,
  { path, member, query }: { path: string; member: string; query: string },
  options: CallOptions,
): Promise<Page | Failed> {
  const request = `GET ${athena.root}${path}`;
  const answer = await athena.session.read(
    { path: `${athena.root}${path}${query}`, maxAnswerBytes: MAX_ANSWER_BYTES },
    options,
  );
  if (answer.kind === 'no_answer')
    return { ok: false, trouble: describeNoAnswer(answer), refusal: { request, status: null, words: '' } };
  const failed = (trouble: Trouble): Failed => ({
    ok: false,
    trouble,
    refusal: { request, status: answer.status, words: wordsFor(saidBy(answer.body), athena.secrets) },
  });
  if (!isSuccess(answer)) {
    // The words of a list are for the operator who checks a connection, not for a payment.
    const { emrText: _, ...withoutWords } = troubleOf(athena, answer);
    return failed(withoutWords);
  }
  if (answer.status !== 200) {
    const detail = sentence`The EMR answered a read with HTTP ${answer.status}.`;
    return failed({ code: 'unexpected_status', detail });
  }
  const page = pageIn(answer.body, member);
  if (page === null) {
    const detail = sentence`The EMR's answer is not the list that was requested.`;
    return failed({ code: 'bad_answer', detail });
  }
  return { ok: true, ...page };
}

/** Reads all rows of a list, page by page with `limit` and `offset`, and checks their number against `totalcount`. */
export async function readRows(
  athena: AthenaConnection,
  { path, member, paged }: ListInput,
  options: CallOptions,
): Promise<{ ok: true; rows: readonly unknown[] } | Failed> {
  const rows: unknown[] = [];
  for (let number = 1; ; number += 1) {
    const query = paged ? `?limit=${PAGE}&offset=${rows.length}` : '';
    const page = await readPage(athena, { path, member, query }, options);
    if (!page.ok) return page;
    rows.push(...page.rows);
    const stopped = (trouble: Trouble): Failed => ({
      ok: false,
      trouble,
      refusal: { request: `GET ${athena.root}${path} (page ${number})`, status: null, words: '' },
    });
    const more = page.total === null ? paged && page.rows.length >= PAGE : rows.length < page.total;
    if (!more) {
      if (page.total === null || page.total === rows.length) return { ok: true, rows };
      return stopped({
        code: 'answer_incomplete',
        detail: sentence`The EMR counts fewer entries than it gave.`,
      });
    }
    if (!paged || page.rows.length === 0)
      return stopped({
        code: 'answer_incomplete',
        detail: sentence`The EMR counts more entries than it gave.`,
      });
    if (number === MAX_PAGES)
      return stopped({ code: 'answer_too_large', detail: sentence`The EMR's list is too long.` });
  }
}
