/** A marker at the beginning of a note, whosever payment it is. */
const MARKER = /^\[emr-payments ([0-9a-f]{32})\]/;
/** The part of a marker that is the same for all payments. Less of one says nothing. */
const SAME = '[emr-payments';

/** Whose payment an entry is, as far as its note says. */
export type NoteOf = 'ours' | 'unclear' | 'other';

/** Makes the text by which a payment is recognised in an EMR that keeps nothing of ours but a note, whose beginning it is. */
export const noteMarker = (paymentId: string): string => `[emr-payments ${paymentId}]`;

/** True for the note of another payment of ours: it begins with its marker. */
export function isOfAnother(note: string, { paymentId }: { paymentId: string }): boolean {
  const whole = MARKER.exec(note);
  return whole !== null && whole[1] !== paymentId;
}

/**
 * Reads from an EMR's entry whether it is the entry of our payment.
 *
 * - `ours`: the note begins with our marker. What comes after a marker an integrator has written, and may look like one.
 * - `unclear`: the note has no whole marker, and it has our payment id in another form or place, or as much of our marker as was not cut off, or
 *   amount, patient and day are those of our payment. A person or the EMR may have changed the note of our entry, and a person who missed the
 *   payment may have entered it by hand. None of these proves that it is ours, and none lets us say that the EMR does not have the payment.
 * - `other`: the entry of another payment.
 *
 * @param input.note null where the EMR shows none. @param input.alike true when amount, patient and day are those of our payment.
 */
export function readNote({
  note,
  paymentId,
  alike,
}: {
  note: string | null;
  paymentId: string;
  alike: boolean;
}): NoteOf {
  const whole = MARKER.exec(note ?? '');
  if (whole !== null) return whole[1] === paymentId ? 'ours' : 'other';
  if (alike) return 'unclear';
  const text = (note ?? '').trimStart().toLowerCase();
  if (text.includes(paymentId)) return 'unclear';
  const cut = text.replace(/[\s.…]+$/, '');
  return cut.length >= SAME.length && noteMarker(paymentId).startsWith(cut) ? 'unclear' : 'other';
}
