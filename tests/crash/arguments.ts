/** Thrown for a wrong argument; the message names it. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** @throws UsageError when the text is not a number from 0. */
export function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new UsageError(`--${name} takes a number, not '${text}'`);
  }
  return value;
}

/** @throws UsageError when the text is none of the allowed ones. */
export function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === text);
  if (found === undefined) throw new UsageError(`--${name} takes one of ${allowed.join(', ')}`);
  return found;
}
