const LONGEST_MS = 24 * 60 * 60 * 1000;

/**
 * Reads a Retry-After header (RFC 9110, section 10.2.3): seconds or an HTTP date.
 *
 * @returns milliseconds from `now`, never negative and at most 24 hours; undefined when it says nothing readable.
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS);
  // An HTTP date begins with the day's name; Date.parse alone would take "7 apples" for a date.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - now, 0), LONGEST_MS);
}
