import type { Practice } from '../../practice.ts';
import { METHODS, TRANSACTION_TYPES } from './methods.ts';
import { DrChronoProblem } from './problem.ts';

/** The practice's one doctor. It has no appointments. */
export const DOCTOR_ID = 1001;

/** A payment that was checked, in the vendor's names. */
export type PaymentFields = {
  patient: number;
  amount: number;
  doctor: number | null;
  payment_method: string;
  payment_transaction_type: string;
  trace_number: string;
  notes: string;
  received_date: string | null;
};

type Body = Readonly<Record<string, unknown>>;
type Errors = Record<string, string[]>;

const READ_ONLY = ['id', 'posted_date', 'created_at', 'updated_at', 'created_by'];
const WRITABLE = [
  'patient',
  'amount',
  'doctor',
  'appointment',
  'line_item',
  'payment_method',
  'payment_transaction_type',
  'trace_number',
  'notes',
  'received_date',
];

const missingPk = (id: number) => `Invalid pk "${id}" - object does not exist.`;
const DIGITS = /^\d{1,15}$/;
const DECIMAL = /^-?\d{1,10}(?:\.\d+)?$/;

/** Collects the errors of a body by field, as Django REST framework does. */
class Reader {
  readonly errors: Errors = {};
  readonly #body: Body;
  /** True for a form: all of its values are texts. */
  readonly #isForm: boolean;

  constructor(body: Body, isForm: boolean) {
    this.#body = body;
    this.#isForm = isForm;
  }

  refuse(field: string, text: string): void {
    this.errors[field] = [...(this.errors[field] ?? []), text];
  }

  #given(field: string): unknown {
    const value = this.#body[field];
    if (value === null) this.refuse(field, 'This field may not be null.');
    return value ?? undefined;
  }

  /** Reads an integer; null when there is none. */
  pk(field: string): number | null {
    const value = this.#given(field);
    if (value === undefined) return null;
    if (this.#isForm && typeof value === 'string' && DIGITS.test(value)) return Number(value);
    if (!this.#isForm && typeof value === 'number' && Number.isSafeInteger(value)) return value;
    this.refuse(field, `Incorrect type. Expected pk value, received ${this.#isForm ? 'str' : typeof value}.`);
    return null;
  }

  amount(field: string): number | null {
    const value = this.#given(field);
    const text = this.#isForm ? value : typeof value === 'number' ? String(value) : undefined;
    if (value === undefined) this.refuse(field, 'This field is required.');
    else if (typeof text !== 'string' || !DECIMAL.test(text))
      this.refuse(field, 'A valid number is required.');
    else if (/\.\d{3}/.test(text)) this.refuse(field, 'Ensure that there are no more than 2 decimal places.');
    else return Number(text);
    return null;
  }

  text(field: string): string {
    const value = this.#given(field) ?? '';
    if (typeof value !== 'string') this.refuse(field, 'Not a valid string.');
    else if (value.includes('\0')) this.refuse(field, 'Null characters are not allowed.');
    else return value;
    return '';
  }

  choice(field: string, choices: { has(value: string): boolean }, otherwise: string): string {
    const value = this.#given(field);
    if (value === undefined) return otherwise;
    if (typeof value === 'string' && choices.has(value)) return value;
    this.refuse(field, `"${String(value)}" is not a valid choice.`);
    return otherwise;
  }

  date(field: string): string | null {
    const text = this.text(field);
    if (text === '') return null;
    const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? new Date(`${text}T00:00:00Z`) : null;
    if (day !== null && !Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text) return text;
    this.refuse(field, 'Date has wrong format. Use one of these formats instead: YYYY-MM-DD.');
    return null;
  }
}

/**
 * Checks the body of a create. It is stricter than the vendor: a field that the schema does not have, and one that only the EMR
 * writes, are refused, where the vendor ignores them without a word.
 *
 * @throws DrChronoProblem with every field that is wrong.
 */
export function readPayment(
  { practice, booksClosedBefore }: { practice: Practice; booksClosedBefore: string | null },
  { body, isForm }: { body: Body; isForm: boolean },
): PaymentFields {
  const read = new Reader(body, isForm);
  for (const field of Object.keys(body)) {
    if (READ_ONLY.includes(field)) read.refuse(field, 'This field is read only.');
    else if (!WRITABLE.includes(field)) read.refuse(field, 'There is no such field.');
  }
  const patient = read.pk('patient');
  if (patient === null) {
    if (read.errors.patient === undefined) read.refuse('patient', 'This field is required.');
  } else if (practice.patients.byNumber(patient) === undefined) read.refuse('patient', missingPk(patient));
  const doctor = read.pk('doctor');
  if (doctor !== null && doctor !== DOCTOR_ID) read.refuse('doctor', missingPk(doctor));
  for (const field of ['appointment', 'line_item']) {
    const id = read.pk(field);
    if (id !== null) read.refuse(field, missingPk(id));
  }

  const type = read.choice('payment_transaction_type', new Set(TRANSACTION_TYPES), '');
  const amount = read.amount('amount');
  if (amount === 0) read.refuse('amount', 'Amount cannot be zero.');
  // The sign of a refund is not documented. Everything else is money taken.
  if (amount !== null && amount < 0 && type !== 'REF' && type !== 'COR')
    read.refuse('amount', 'A payment cannot be negative.');
  const received = read.date('received_date');
  if (received !== null && booksClosedBefore !== null && received < booksClosedBefore)
    read.refuse('received_date', `The books are closed before ${booksClosedBefore}.`);
  const fields = {
    patient: patient ?? 0,
    amount: amount ?? 0,
    doctor,
    payment_method: read.choice('payment_method', METHODS, ''),
    payment_transaction_type: type,
    trace_number: read.text('trace_number'),
    notes: read.text('notes'),
    received_date: received,
  };
  if (Object.keys(read.errors).length > 0) throw new DrChronoProblem(400, read.errors);
  return fields;
}
