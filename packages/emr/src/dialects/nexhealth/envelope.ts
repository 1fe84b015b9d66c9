import { type Static, Type } from '@sinclair/typebox';
import { ownWords } from '../../http/own-words.ts';
import { readJsonAs } from '../../http/read-json.ts';

/** https://docs.nexhealth.com/reference/pagination */
const PageInfoSchema = Type.Object({
  has_next_page: Type.Boolean(),
  end_cursor: Type.Optional(Type.String()),
});

/** The frame of every answer with a list. Its rows are read one by one. */
export const ListSchema = Type.Object({
  code: Type.Optional(Type.Boolean()),
  error: Type.Optional(Type.Unknown()),
  data: Type.Array(Type.Unknown()),
  /** Lists without `page_info` have it. */
  count: Type.Optional(Type.Unknown()),
  page_info: Type.Optional(PageInfoSchema),
});

const ErrorSchema = Type.Object({
  code: Type.Optional(Type.Boolean()),
  description: Type.Optional(Type.Unknown()),
  error: Type.Array(Type.Unknown()),
});

/** An error in NexHealth's own format: `{"code": false, "description", "error": ["…"]}`. */
export type NexError = { texts: readonly string[] };

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';

/** @returns null when the body is not an error of NexHealth, as a gateway's page is not. */
export function errorIn(body: string): NexError | null {
  const read = readJsonAs(ErrorSchema, body);
  if (read === null) return null;
  const texts = [...read.error, read.description].filter(isText);
  return read.code === true && read.error.length === 0 ? null : { texts };
}

/** True when the frame says that the request failed, against its status. `code` is true in good answers. */
export function saysError({ code, error }: Static<typeof ListSchema>): boolean {
  if (code === false) return true;
  return Array.isArray(error) ? error.length > 0 : isText(error);
}

/** The words of an answer: the texts of an error, else the whole body. */
export function saidBy(body: string): string {
  const error = errorIn(body);
  return error === null || error.texts.length === 0 ? body : error.texts.join(' ');
}

export const wordsOf = (body: string) => ownWords(saidBy(body));
