import type { Method, Patient, Practice } from '../../practice.ts';
import { NexProblem } from './envelope.ts';

/** A payment that a caller wants to be written. `cents` has the ledger's sign: positive for money taken. */
export type PaymentRequest = {
  patient: Patient;
  locationId: string;
  cents: number;
  method: Method;
  transactionId: string;
  notes: string | null;
  /** YYYY-MM-DD in UTC. */
  paidOn: string;
};

const FIELDS = ['patient_id', 'amount', 'currency', 'payment_type_id', 'transaction_id', 'paid_at', 'notes'];
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
/** https://docs.nexhealth.com/changelog/october-2024-updates */
const LONGEST_TRANSACTION_ID = 50;
/** Far above any payment, and exact in cents. */
const LARGEST = 9_999_999_999.99;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(message: string): never {
  throw new NexProblem(400, message);
}

function text(payment: Record<string, unknown>, name: string): string | undefined {
  const value = payment[name];
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : refuse(`payment[${name}] is invalid`);
}

function id(payment: Record<string, unknown>, name: string): number {
  const value = payment[name];
  if (value === undefined || value === null) refuse(`payment[${name}] is missing`);
  return Number.isSafeInteger(value) ? Number(value) : refuse(`payment[${name}] is invalid`);
}

/**
 * Reads the amount. A payment is negative because it lowers the patient's balance, and a refund is positive
 * (https://docs.nexhealth.com/reference/payments).
 */
function centsOf(payment: Record<string, unknown>): number {
  const { amount } = payment;
  if (amount === undefined || amount === null) refuse('payment[amount] is missing');
  if (typeof amount !== 'number' || amount === 0 || Math.abs(amount) > LARGEST)
    refuse('payment[amount] is invalid');
  const cents = Math.round(amount * 100);
  if (cents / 100 !== amount) refuse('payment[amount] is invalid');
  return -cents;
}

function paidOn(payment: Record<string, unknown>): string {
  const given = text(payment, 'paid_at') ?? new Date().toISOString();
  if (!INSTANT.test(given) || Number.isNaN(Date.parse(given))) refuse('payment[paid_at] is invalid');
  return new Date(given).toISOString().slice(0, 10);
}

/** Reads the body of a create. Stricter than the vendor: it refuses fields that it does not know. @throws NexProblem */
export function readPayment(
  { practice }: { practice: Practice },
  { body, location }: { body: unknown; location: { id: string; number: number } },
): PaymentRequest {
  if (!isObject(body) || !isObject(body.payment)) refuse('payment is missing');
  const { payment } = body;
  for (const name of Object.keys(body)) if (name !== 'payment') refuse(`Unknown parameter: ${name}`);
  for (const name of Object.keys(payment)) {
    if (name === 'provider_splits' || name === 'charge_splits')
      refuse(`payment[${name}]: this practice has no providers and no charges`);
    if (!FIELDS.includes(name)) refuse(`Unknown parameter: payment[${name}]`);
  }
  const patientId = id(payment, 'patient_id');
  const typeId = id(payment, 'payment_type_id');
  const transactionId = text(payment, 'transaction_id');
  if (!transactionId) refuse('payment[transaction_id] is missing');
  if (transactionId.length > LONGEST_TRANSACTION_ID) refuse('payment[transaction_id] is too long');
  if ((text(payment, 'currency') ?? 'USD') !== 'USD') refuse('payment[currency] is invalid');
  // The sentences of https://docs.nexhealth.com/docs/troubleshooting-payments.
  const patient = practice.patients.byNumber(patientId);
  if (patient === undefined) refuse(`Patient with ID ${patientId} not found in location ${location.number}`);
  const method = practice.methods.byNumber(typeId);
  if (method === undefined) refuse(`Payment Type with id ${typeId} not found in location ${location.number}`);
  return {
    patient,
    locationId: location.id,
    cents: centsOf(payment),
    method,
    transactionId,
    notes: text(payment, 'notes') ?? null,
    paidOn: paidOn(payment),
  };
}
