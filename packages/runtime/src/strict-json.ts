/** An object of the text has a member name twice, so that its meaning depends on the reader (RFC 8259, section 4). */
export class RepeatedMemberError extends Error {
  override name = 'RepeatedMemberError';
}

/** Deeper than any request and any answer that means something; code that walks through a value may recurse this deep. */
const DEEPEST = 500;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/** Counts the members in valid JSON: each has one colon outside of strings. */
function membersWritten(text: string): number {
  let members = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit === COLON) members += 1;
    else if (unit === QUOTE) {
      at += 1;
      for (let inside = text.charCodeAt(at); inside !== QUOTE; inside = text.charCodeAt(at)) {
        at += inside === BACKSLASH ? 2 : 1;
      }
    }
  }
  return members;
}

/** Counts the members of all objects in a value; with `dropNull`, takes those that are null out of it. */
export function countMembers(value: unknown, dropNull: boolean, depth = 1): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > DEEPEST) throw new RangeError('the text is nested too deeply');
  let members = 0;
  if (Array.isArray(value)) {
    for (const item of value) members += countMembers(item, dropNull, depth + 1);
    return members;
  }
  const object = value as Record<string, unknown>;
  for (const name of Object.keys(object)) {
    members += 1;
    const member = object[name];
    if (member === null && dropNull) delete object[name];
    else members += countMembers(member, dropNull, depth + 1);
  }
  return members;
}

/**
 * Parses JSON and refuses repeated member names, of which `JSON.parse` keeps the last: an entry that an answer names could
 * vanish in it. The written members are counted against those that were kept, so names that are the same only without their
 * escapes count as the same too. Measured with an answer of 0.9 MB: 15 ms, of which `JSON.parse` alone needs 4; with a reviver
 * it needs 38.
 *
 * @param input.dropNull takes members that are null out of all objects; an item of a list that is null stays.
 * @throws SyntaxError, RepeatedMemberError, and RangeError for a text that is nested more than 500 levels deep.
 */
export function parseStrictJson(text: string, { dropNull }: { dropNull: boolean }): unknown {
  const value: unknown = JSON.parse(text);
  if (membersWritten(text) !== countMembers(value, dropNull))
    throw new RepeatedMemberError('a member name is repeated');
  return value;
}
