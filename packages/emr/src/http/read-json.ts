import { parseStrictJson } from '@emr-payments/runtime';
import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/**
 * A string, or what begins as a number. A string that does not end is passed over as well: a search that began again at each of its
 * quotes would take time with the square of the length, minutes for a megabyte, and the whole process stops for it.
 */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"?|-?\d[\d.eE+-]*/gs;
/** An integer of 16 digits or more: JSON.parse may make another number of it. */
const LONG_INTEGER = /^-?\d{16,}$/;

/** Puts long integers into quotes, outside of strings: an id of 19 digits stays the id that it is. */
function withLongIntegersAsText(text: string): string {
  if (!/\d{16}/.test(text)) return text;
  return text.replace(TOKEN, (token) => (LONG_INTEGER.test(token) ? `"${token}"` : token));
}

/**
 * Parses a body as JSON in which no member name is repeated. Integers of 16 digits or more become text. A member that is null is
 * taken for one that is missing.
 *
 * @returns undefined when it cannot be read without doubt.
 */
export function readJson(body: string): unknown {
  try {
    return parseStrictJson(withLongIntegersAsText(body), { dropNull: true });
  } catch {
    return undefined;
  }
}

/** @returns the body as the schema types it; null when it is not JSON, is in doubt, or does not match. */
export function readJsonAs<T extends TSchema>(schema: T, body: string): Static<T> | null {
  const value = readJson(body);
  return value !== undefined && Value.Check(schema, value) ? value : null;
}
