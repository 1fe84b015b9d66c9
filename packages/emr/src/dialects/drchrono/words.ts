import { MAX_RETRY_AFTER_MS } from '@emr-payments/outbound';
import { Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { Answer } from '../../http/exchange.ts';
import { ownWords } from '../../http/own-words.ts';
import { readJson, readJsonAs } from '../../http/read-json.ts';
import { isReasonPhrase } from '../../http/reason-phrase.ts';
import type { Trouble } from '../../trouble.ts';

const DetailSchema = Type.Object({ detail: Type.String() });
/** A `detail` among other members is a problem of RFC 9457, as gateways give it. */
const DetailAloneSchema = Type.Object({ detail: Type.String() }, { additionalProperties: false });
const FieldErrorsSchema = Type.Record(Type.String(), Type.Array(Type.String(), { minItems: 1 }), {
  minProperties: 1,
});

/** The errors of a refused body by field, as DrChrono writes them: `{"field": ["…"]}`. Null for any other body. */
export function fieldErrorsOf(body: string): Readonly<Record<string, readonly string[]>> | null {
  const value = readJson(body);
  return Value.Check(FieldErrorsSchema, value) ? value : null;
}

/**
 * True for `{"detail": "…"}` and nothing else, the form of the errors that are about no field. DrChrono's details are sentences: one that
 * only names a status comes from a framework of another's.
 */
export function saysDetail(body: string): boolean {
  const said = readJsonAs(DetailAloneSchema, body);
  return said !== null && !isReasonPhrase(said.detail);
}

/** The vendor's own words in an answer: its messages, else the whole body. */
export function wordsIn(body: string): string {
  const fields = fieldErrorsOf(body);
  if (fields !== null) return Object.values(fields).flat().join(' | ');
  return readJsonAs(DetailSchema, body)?.detail ?? body;
}

/** https://support.drchrono.com/home/24443550021915-how-to-handle-api-errors: the wait is in the text, and in no header. */
const WAIT = /Expected available in (\d{1,9}(?:\.\d{1,6})?) seconds?\b/;

/** The wait in ms that the text of a 429 names; undefined where it names none. */
export function waitOf({ status, body }: Answer): number | undefined {
  const seconds = status === 429 ? WAIT.exec(readJsonAs(DetailSchema, body)?.detail ?? '')?.[1] : undefined;
  return seconds === undefined ? undefined : Math.min(Math.ceil(Number(seconds) * 1000), MAX_RETRY_AFTER_MS);
}

/** Completes the trouble of an answer with the vendor's words and, for a 429, the wait that they name. */
export function withWords(trouble: Trouble, answer: Answer): Trouble {
  const waitMs = trouble.retryAfterMs ?? waitOf(answer);
  const { emrText: _, ...rest } = trouble;
  return {
    ...rest,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
    ...ownWords(wordsIn(answer.body)),
  };
}
