// By hand: two dozen lines with our bounds. Date.parse alone takes almost any text for a date.

/** Nobody can put us off for longer than this with one answer. */
export const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

// RFC 9110, 5.6.7: the form in use and the two obsolete ones that a recipient must still read. In the first one, some
// servers write the zone as UTC or as an offset, and some (Java's RFC_1123_DATE_TIME) the day of the month with one digit.
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} (GMT|UTC|[+-]\d{4})$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

function dateMs(text: string): number {
  if (IMF_FIXDATE.test(text) || RFC_850.test(text)) return Date.parse(text);
  // This form names no zone and means UTC; Date.parse would read it as local time.
  return ASCTIME.test(text) ? Date.parse(`${text} GMT`) : Number.NaN;
}

/**
 * Reads a `Retry-After` header (RFC 9110, 10.2.3): seconds or an HTTP date. Seconds may have decimals, which some servers write. Other
 * text is not read, although Date.parse would take some of it for a date ("7 apples").
 *
 * @param headers of the answer. A date is compared with their `Date`, which is of the same clock; ours may be ahead of it or behind.
 * @param now used where there is no readable `Date`.
 * @returns milliseconds, from 0 to `MAX_RETRY_AFTER_MS`; undefined when there is no header or it cannot be read.
 */
export function parseRetryAfter(
  headers: { readonly 'retry-after'?: string | undefined; readonly date?: string | undefined },
  now: Date,
): number | undefined {
  const text = headers['retry-after']?.trim() ?? '';
  const answeredAt = dateMs(headers.date?.trim() ?? '');
  const ms = /^\d+(?:\.\d+)?$/.test(text)
    ? Math.ceil(Number(text) * 1000)
    : dateMs(text) - (Number.isNaN(answeredAt) ? now.getTime() : answeredAt);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}
