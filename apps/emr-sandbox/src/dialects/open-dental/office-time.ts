/** Dates and times of the API are the office's own, without a zone. */
const OFFICE_ZONE = 'America/New_York';

const format = new Intl.DateTimeFormat('en-CA', {
  timeZone: OFFICE_ZONE,
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
});

/** @returns `yyyy-MM-dd HH:mm:ss` in the office. */
export function officeDateTime(instant: Date): string {
  const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, value]));
  return `${part.year}-${part.month}-${part.day} ${part.hour}:${part.minute}:${part.second}`;
}

/** @returns `yyyy-MM-dd` in the office. */
export const officeDate = (instant: Date): string => officeDateTime(instant).split(' ', 1).join();

/** True for a day of the calendar, `yyyy-MM-dd`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
