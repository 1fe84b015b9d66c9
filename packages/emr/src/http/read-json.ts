import { parseStrictJson } from '@emr-payments/runtime';
import type { Static, TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';

/** An integer of 16 digits or more: JSON.parse may make another number of it. */
const LONG_INTEGER = /(?<=(?:^|[[:,])\s*)-?\d{16,}(?=\s*(?:[,\]}]|$))/g;

/** Puts long integers into quotes, outside of strings: an id of 19 digits stays the id that it is. */
function withLongIntegersAsText(text: string): string {
  if (!/\d{16}/.test(text)) return text;
  // Strings are passed over whole, so that digits in them stay as they are.
  return text
    .split(/("(?:[^"\\]|\\.)*")/s)
    .map((part, place) => (place % 2 === 1 ? part : part.replace(LONG_INTEGER, '"$&"')))
    .join('');
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
