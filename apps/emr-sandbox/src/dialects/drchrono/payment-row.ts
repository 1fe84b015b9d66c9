import { type Entry, numberInId, type Posting } from '../../ledger.ts';
import type { Practice } from '../../practice.ts';
import { METHODS } from './methods.ts';
import type { PaymentFields } from './read-payment.ts';

export const NAME = 'drchrono';

/** Our marker, at the very beginning: nothing that a person wrote into the rest of the notes counts. */
const MARKER = /^\[emr-payments[: ]([0-9a-f]{32})\]/;

/** Methods of the shared practice that another dialect took, as this EMR names them. */
const OTHER_METHODS: ReadonlyMap<string, string> = new Map([['CARD', 'CRDT']]);

const textOrNull = (text: string) => (text === '' ? null : text);

export function postingOf({ practice }: { practice: Practice }, fields: PaymentFields): Posting {
  return {
    dialect: NAME,
    paymentId: MARKER.exec(fields.notes)?.[1] ?? null,
    otherKeys: [],
    patientId: practice.patients.byNumber(fields.patient)?.id ?? '',
    amount: String(fields.amount),
    methodId: textOrNull(fields.payment_method),
    methodName: METHODS.get(fields.payment_method) ?? null,
    reference: textOrNull(fields.trace_number),
    locationId: null,
    notes: textOrNull(fields.notes),
    depositDate: fields.received_date,
  };
}

/** The fields of an entry that another dialect took. */
function translate({ posting }: Entry, practice: Practice): PaymentFields {
  const method = OTHER_METHODS.get(posting.methodId ?? '') ?? posting.methodId ?? '';
  return {
    patient: practice.patients.numberOf(posting.patientId) ?? 0,
    amount: Number(posting.amount),
    doctor: null,
    payment_method: METHODS.has(method) ? method : 'OTHR',
    payment_transaction_type: '',
    trace_number: posting.reference ?? '',
    notes: posting.notes ?? '',
    received_date: posting.depositDate,
  };
}

/** A row as the API gives it. Times are UTC, without a zone. */
export function rowOf({ practice }: { practice: Practice }, entry: Entry) {
  const own = entry.posting.dialect === NAME && entry.document !== null;
  const fields = own ? (JSON.parse(entry.document ?? '') as PaymentFields) : translate(entry, practice);
  const time = entry.receivedAt.slice(0, 19);
  return {
    id: numberInId(entry.id),
    ...fields,
    appointment: null,
    line_item: null,
    posted_date: time.slice(0, 10),
    created_at: time,
    updated_at: time,
    created_by: '7',
  };
}
