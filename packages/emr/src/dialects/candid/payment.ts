import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type Static, Type } from '@sinclair/typebox';
import { centsText, readCents } from '../../amounts.ts';
import type { FindHints, Posting } from '../../posting.ts';

/** A payment as Candid gives it (`PatientPayment`), as far as it is read. Integers of 16 digits or more come as text. */
export const PaymentSchema = Type.Object({
  patient_payment_id: Type.String({ minLength: 1 }),
  source_internal_id: Type.Optional(Type.String()),
  amount_cents: Type.Union([Type.Integer(), Type.String({ pattern: '^-?\\d{1,19}$' })]),
  patient_external_id: Type.String(),
  payment_timestamp: Type.Optional(Type.String()),
});
export type Payment = Static<typeof PaymentSchema>;

function methodOf({ method, referenceNumber }: Pick<Posting, 'method' | 'referenceNumber'>): object {
  switch (method.id) {
    case 'check':
      return { type: 'check', check_number: referenceNumber };
    case 'money_order':
      return { type: 'money_order', money_order_serial_number: referenceNumber };
    default:
      return { type: method.id };
  }
}

/** The note begins with the reference number, for which only checks and money orders have a place. */
const noteOf = ({ referenceNumber, notes }: Pick<Posting, 'referenceNumber' | 'notes'>) =>
  `Reference: ${referenceNumber}${notes === null ? '' : `\n${notes}`}`;

/**
 * Maps a posting to the body of a create (https://docs.joincandidhealth.com/api-reference/patient-payments/v-4/create). The whole
 * amount is unattributed: which claim it pays is decided at Candid.
 */
export function toPayment(posting: Posting): object {
  // Fourteen digits at most: a JSON number carries them exactly.
  const amountCents = Number(readCents(posting.amount));
  return {
    amount_cents: amountCents,
    // Noon in UTC is the same day in every time zone of the United States.
    payment_timestamp: `${posting.depositDate}T12:00:00Z`,
    payment_note: noteOf(posting),
    patient_external_id: posting.emrPatientId,
    allocations: [{ amount_cents: amountCents, target: { type: 'unattributed' } }],
    payment_method_detail: { payment_method: methodOf(posting) },
    source_internal_id: posting.paymentId,
  };
}

/** The amount of a payment as a decimal text. */
export const amountOf = ({ amount_cents }: Payment): string => centsText(BigInt(amount_cents));

function dayOf({ payment_timestamp: text = '' }: Payment): string | null {
  const time = Date.parse(text);
  return Number.isNaN(time) ? null : new Date(time).toISOString().slice(0, 10);
}

/** Names the fields of a payment with our id that do not agree, apart from the amount. */
export function differencesOf(
  payment: Payment,
  { emrPatientId, depositDate }: Pick<FindHints, 'emrPatientId' | 'depositDate'>,
): OurSentence[] {
  const day = dayOf(payment);
  return [
    ...(payment.patient_external_id === emrPatientId ? [] : [sentence`another patient`]),
    ...(day === depositDate
      ? []
      : [day === null ? sentence`no readable deposit date` : sentence`another deposit date`]),
  ];
}
