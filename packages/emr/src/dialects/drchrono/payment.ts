import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { readCents } from '../../amounts.ts';
import { type NoteOf, noteMarker, readNote } from '../../note-marker.ts';
import type { FindHints, Posting } from '../../posting.ts';
import type { DrChronoSettings } from './settings.ts';

/** Ids are whole numbers. One of 16 digits or more comes as text (`readJson`). */
export const IdSchema = Type.Union([
  Type.Integer({ minimum: 1 }),
  Type.String({ pattern: '^[1-9]\\d{0,18}$' }),
]);

/** A payment as DrChrono gives it, as far as it is read. Decimals are text there, in two places; numbers are read too. */
export const RowSchema = Type.Object({
  id: IdSchema,
  patient: IdSchema,
  amount: Type.Union([Type.String(), Type.Number()]),
  notes: Type.Optional(Type.String()),
  received_date: Type.Optional(Type.String()),
});
export type Row = Static<typeof RowSchema>;

/** Reads whose payment a row is. `notes` is the only field that can hold our payment id: DrChrono has no key of the sender. */
export const noteOf = (row: Row, hints: FindHints): NoteOf =>
  readNote({
    note: row.notes ?? null,
    paymentId: hints.paymentId,
    alike: centsOf(row) === readCents(hints.amount) && differencesOf(row, hints).length === 0,
  });

/** A patient's id is a whole number that JSON can carry exactly. */
export const isPatientId = (id: string): boolean => /^[1-9]\d{0,14}$/.test(id);

/** Maps a posting to the body of a create (https://app.drchrono.com/api-docs/, `CashPayment`). */
export function toPayment(posting: Posting, { doctor }: Pick<DrChronoSettings, 'doctor'>): object {
  const marker = noteMarker(posting.paymentId);
  return {
    patient: Number(posting.emrPatientId),
    ...(doctor === undefined ? {} : { doctor }),
    // Twelve digits at most: a JSON number carries them exactly.
    amount: Number(posting.amount),
    payment_method: posting.method.id,
    // A credit: REF, COR and the others are something else than a payment.
    payment_transaction_type: '',
    received_date: posting.depositDate,
    trace_number: posting.referenceNumber,
    notes: posting.notes === null ? marker : `${marker} ${posting.notes}`,
  };
}

/** Names the fields of a row with our id that do not agree with the payment, apart from the amount. */
export function differencesOf(
  row: Row,
  { emrPatientId, depositDate }: Pick<FindHints, 'emrPatientId' | 'depositDate'>,
): OurSentence[] {
  const day = row.received_date?.slice(0, 10);
  return [
    ...(String(row.patient) === emrPatientId ? [] : [sentence`another patient`]),
    ...(day === depositDate
      ? []
      : [day === undefined ? sentence`no readable deposit date` : sentence`another deposit date`]),
  ];
}

/** The amount of a row in cents; null when it cannot be read. */
export const centsOf = ({ amount }: Row): bigint | null => readCents(amount);
