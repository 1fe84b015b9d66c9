const DAY_MS = 86_400_000;

/** The day of an instant in the practice's time zone, YYYY-MM-DD: the EMR's dates are the office's local time, without a zone. */
function officeDay(instant: Date, timeZone: string): string {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).formatToParts(instant);
  const part = (type: string) => parts.find((each) => each.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

const shifted = (day: string, days: number) =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);

/** The day before the instant's: early enough for clocks that differ, and for an office in another time zone than it says. */
export const dayBefore = (instant: Date, timeZone: string): string =>
  shifted(officeDay(instant, timeZone), -1);

/** A day on which the office has entered nothing yet. */
export const dayAhead = (instant: Date, timeZone: string): string => shifted(officeDay(instant, timeZone), 3);
