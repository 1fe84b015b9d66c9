import { cutUnits } from '@emr-payments/runtime';
import { noteMarker } from '../../note-marker.ts';
import type { Posting } from '../../posting.ts';

/** `PayNote` holds 4,000 characters (comment at `Payment.PayNote` in the source of Open Dental). */
const NOTE_UNITS = 4000;
/** From memory: the column `payment.CheckNum` is a varchar(25). */
export const CHECK_NUM_UNITS = 25;

/** The characters that remain for our notes, with a reference number that `CheckNum` holds whole. */
export const NOTES_UNITS = NOTE_UNITS - noteMarker('0'.repeat(32)).length - 1;

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
  const marker = noteMarker(paymentId);
  const whole = stored === '' ? marker : `${marker} ${stored}`;
  return whole.length <= NOTE_UNITS ? whole : `${cutUnits(whole, NOTE_UNITS - 1)}…`;
}
