import { cutUnits } from '@emr-payments/runtime';
import type { Posting } from '../../posting.ts';

/** `PayNote` holds 4,000 characters (comment at `Payment.PayNote` in the source of Open Dental). */
const NOTE_UNITS = 4000;
/** From memory: the column `payment.CheckNum` is a varchar(25). */
export const CHECK_NUM_UNITS = 25;

const MARKER = /^\[emr-payments ([0-9a-f]{32})\]/;

const markerOf = (paymentId: string) => `[emr-payments ${paymentId}]`;

/** The characters that remain for our notes, with a reference number that `CheckNum` holds whole. */
export const NOTES_UNITS = NOTE_UNITS - markerOf('0'.repeat(32)).length - 1;

/**
 * Reads our payment id from a note. Only a marker at the very beginning counts: what comes after it an integrator has written, and
 * may look like one.
 */
export const paymentIdIn = (note: string): string | null => MARKER.exec(note)?.[1] ?? null;

/** The reference number as `CheckNum` holds it. */
export const checkNum = (referenceNumber: string): string => cutUnits(referenceNumber, CHECK_NUM_UNITS);

/**
 * Makes the note of a payment: the marker first, so that no cut reaches it, the reference number where `CheckNum` does not hold it
 * whole, then our notes.
 */
export function payNote({
  paymentId,
  referenceNumber,
  notes,
}: Pick<Posting, 'paymentId' | 'referenceNumber' | 'notes'>): string {
  const reference = referenceNumber.length > CHECK_NUM_UNITS ? `Reference: ${referenceNumber}` : null;
  const text = [reference, notes].filter((part) => part !== null && part !== '').join('\n');
  // Line ends are stored as CR LF (`POut.StringNote`), which counts.
  const stored = text.replace(/\r\n?|\n/g, '\r\n');
  const whole = stored === '' ? markerOf(paymentId) : `${markerOf(paymentId)} ${stored}`;
  return whole.length <= NOTE_UNITS ? whole : `${cutUnits(whole, NOTE_UNITS - 1)}…`;
}
