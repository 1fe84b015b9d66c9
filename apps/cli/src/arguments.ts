import { PAYMENT_ID_PATTERN } from '@emr-payments/contracts';
import { isLine } from '@emr-payments/operations';
import { InvalidArgumentError, Option } from 'commander';

// By hand: the package ms also takes '2 days', '-3m' and '100' (milliseconds), so a check of the form and the bounds would
// stay here and save nothing.
const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const LONGEST_MS = 90 * UNITS.d;

/** Reads `24h`, `30m`, `7d`, `90s` or `0`. @returns milliseconds. */
export function duration(text: string): number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = text === '0' ? 0 : Number(amount) * UNITS[unit as keyof typeof UNITS];
  if (!(ms >= 0 && ms <= LONGEST_MS)) {
    throw new InvalidArgumentError('Give a time such as 24h, 30m, 7d or 0, at most 90d.');
  }
  return ms;
}

/**
 * Makes an option that takes a time.
 *
 * @param input.usual its default, as a person writes it: help would show milliseconds.
 */
export const durationOption = ({
  flags,
  description,
  usual,
}: {
  flags: string;
  description: string;
  usual: string;
}): Option => new Option(flags, description).argParser(duration).default(duration(usual), usual);

/** Reads a payment id, with dashes or without. @returns 32 lower-case hex digits. */
export function paymentId(text: string): string {
  const id = text.toLowerCase().replaceAll('-', '');
  if (!new RegExp(PAYMENT_ID_PATTERN).test(id)) {
    throw new InvalidArgumentError('A payment id has 32 hexadecimal digits.');
  }
  return id;
}

/** @returns a parser of whole numbers within bounds. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Reads a number of things in a second; it may be less than one. */
export function rate(text: string): number {
  const value = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (!(value > 0 && value <= 1000)) throw new InvalidArgumentError('Give a number above 0, at most 1000.');
  return value;
}

/** Reads a name, a method, a location or an id of the EMR. */
export function line(text: string): string {
  if (!isLine(text)) throw new InvalidArgumentError('Give 1 to 255 characters on one line.');
  return text;
}

/**
 * Reads a date, or a time with its zone. JavaScript takes the days after the end of a month for those of the next one.
 *
 * @returns null when there is no such day or time.
 */
function dateOf(text: string): Date | null {
  const date = new Date(text);
  const [day = ''] = /^[\d-]{10}/.exec(text) ?? [];
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(date.getTime()) || Number.isNaN(midnight.getTime())) return null;
  return midnight.toISOString().startsWith(day) ? date : null;
}

/** Reads a time: `2026-06-15`, `2026-06-15T10:30:00Z`, or `24h` for 24 hours ago. */
export function moment(text: string): Date {
  if (/^\d+[smhd]$/.test(text)) return new Date(Date.now() - duration(text));
  const date = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) ? dateOf(text) : null;
  if (date === null) {
    throw new InvalidArgumentError('Give a time such as 2026-06-15, 2026-06-15T10:30:00Z or 24h (ago).');
  }
  return date;
}

/** Reads a day, `2026-06-15`. @returns its beginning in UTC. */
export function day(text: string): Date {
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? dateOf(text) : null;
  if (date === null) throw new InvalidArgumentError('Give a day such as 2026-06-15.');
  return date;
}

/**
 * Reads a time with its zone, `2026-06-15T10:30:00Z` or `2026-06-15T10:30:00+02:00`: an hour's difference would matter.
 * Also as PostgreSQL prints it, `2026-06-15 10:30:00.123456+00`: docs/backups.md takes such a time from psql or from the server's log.
 */
export function instant(text: string): Date {
  const [, day, time, hours, minutes = '00'] =
    /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(?:Z|([+-]\d\d)(?::(\d\d))?)$/.exec(text) ?? [];
  const date =
    day === undefined ? null : dateOf(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes}`}`);
  if (date === null) {
    throw new InvalidArgumentError('Give a time with its zone, such as 2026-06-15T10:30:00Z.');
  }
  return date;
}

/** Collects repeated `name=value` options; of a name that is repeated the last one counts. Values stay text. */
export function assignment(text: string, earlier: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([A-Za-z0-9_]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Give it as name=value.');
  return { ...earlier, [name]: value };
}
