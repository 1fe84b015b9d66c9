import type { EmrCode } from '../lists.ts';

/** Makes the Coding of a method, whose id is the token `system|code`. */
export function methodCoding({ id, name }: EmrCode) {
  const bar = id.lastIndexOf('|');
  const system = id.slice(0, Math.max(bar, 0));
  return { ...(system === '' ? {} : { system }), code: id.slice(bar + 1), display: name };
}
