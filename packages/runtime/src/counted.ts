/**
 * Writes how many there are of something, such as `1 payment` or `3 payments`.
 *
 * @param input.many the words for any other number than 1; by default `one` with an s.
 */
export const counted = (count: number, { one, many = `${one}s` }: { one: string; many?: string }): string =>
  `${count} ${count === 1 ? one : many}`;
