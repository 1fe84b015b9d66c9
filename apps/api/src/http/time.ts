/**
 * A time that was validated as `date-time`. Years before 1970 count as 1970: nothing is older, and Postgres and
 * JavaScript do not agree on the first years.
 *
 * @returns null for what has the form and is no time, such as a 61st second.
 */
export function timeFrom(text: string): Date | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : new Date(Math.max(time, 0));
}
