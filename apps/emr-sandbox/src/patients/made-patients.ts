import type { Patient } from './patient.ts';

/** Patients that were made by number in the same millisecond: `from` to `to`, both included. They differ in their numbers only. */
export type MadeRange = { from: number; to: number; at: string };

/**
 * So many have one update time. More would not fit into a page of an EMR that lists by update time without a cursor, and a reader
 * could never get past them.
 */
const PER_MILLISECOND = 50;

/** The ranges of patients that are made together, the first ones at `at`. */
export function madeRanges({ from, to, at }: MadeRange): MadeRange[] {
  const ranges: MadeRange[] = [];
  for (let start = from, time = Date.parse(at); start <= to; start += PER_MILLISECOND, time += 1)
    ranges.push({
      from: start,
      to: Math.min(to, start + PER_MILLISECOND - 1),
      at: new Date(time).toISOString(),
    });
  return ranges;
}

/** Integer ids of made patients begin behind this one, so that they never meet those of added patients. */
export const MADE_NUMBERS = 1_000_000;
export const MOST_MADE = 1_000_000;

const GIVEN = ['Ines', 'Jorge', 'Kalle', 'Lea', 'Mirza', 'Nilou', 'Oskar', 'Priya'];
const FAMILY = ['Madeup', 'Invented', 'Fictive', 'Imagined', 'Pretend'];

export const madeId = (place: number): string => `made-${place}`;

/** @returns the place in `made-<place>`; undefined for another id. */
export function placeInId(id: string): number | undefined {
  const [, digits] = /^made-([1-9]\d{0,6})$/.exec(id) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** @returns the place in `MADE-<six digits or more>`; undefined for another MRN. */
export function placeInMrn(mrn: string): number | undefined {
  const [, digits] = /^MADE-(\d{6,7})$/.exec(mrn) ?? [];
  const place = Number(digits);
  return digits !== undefined && digits === String(place).padStart(6, '0') && place > 0 ? place : undefined;
}

/** The patient of a place, from 1. Nothing is kept: the same place gives an equal patient. */
export function madePatient(place: number, at: string): Patient {
  return {
    id: madeId(place),
    mrn: `MADE-${String(place).padStart(6, '0')}`,
    given: GIVEN[place % GIVEN.length] as string,
    family: FAMILY[place % FAMILY.length] as string,
    updatedAt: at,
  };
}
