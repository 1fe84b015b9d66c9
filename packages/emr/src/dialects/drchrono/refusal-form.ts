import type { Complaint, RefusalForm } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';
import { fieldErrorsOf, saysDetail, waitOf, wordsIn } from './words.ts';

/** The fields that we send, and the one of errors about none. */
export const FIELDS = [
  'patient',
  'payment_method',
  'received_date',
  'amount',
  'doctor',
  'trace_number',
  'notes',
  'payment_transaction_type',
  'appointment',
  'line_item',
  'non_field_errors',
] as const;
const isField = (name: string): boolean => FIELDS.some((each) => each === name);

/** A refusal of the payment names its fields; one of the request is about none. */
export type DrChronoRefusal = { fields: readonly string[] };

function complaint({ status, body }: Answer): Complaint<DrChronoRefusal> | null {
  const fields = status === 400 ? Object.keys(fieldErrorsOf(body) ?? {}) : [];
  if (fields.some(isField)) return { kind: 'refusal', refusal: { fields } };
  return status !== 400 && saysDetail(body) ? { kind: 'refusal', refusal: { fields: [] } } : null;
}

/**
 * DrChrono documents 400 with errors by field, and 401, 403, 404, 405 and 429 with `{"detail"}` alone
 * (https://app.drchrono.com/api-docs/, https://support.drchrono.com/home/24443550021915-how-to-handle-api-errors).
 */
export const FORM: RefusalForm<DrChronoRefusal> = {
  refuses: [400, 404, 405],
  unauthorized: 'complaint',
  forbidden: 'complaint',
  throttled: 'complaint',
  complaint,
  words: wordsIn,
  waitMs: waitOf,
};
