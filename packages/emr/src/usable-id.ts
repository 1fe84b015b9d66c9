/** The columns are `text`: this is no limit of theirs but one of good sense. */
const LONGEST = 1000;

/**
 * True for a text that an EMR may use as an id: ids are opaque, and refused is only what PostgreSQL and JSON cannot store
 * (NUL, halves of surrogate pairs), what no screen shows (other control characters), and a text without any character.
 */
export function isUsableId(id: string): boolean {
  return id.length <= LONGEST && /\S/.test(id) && !/[\p{Cc}\p{Cs}]/u.test(id);
}
