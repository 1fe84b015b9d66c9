import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { ownWords } from '../../http/own-words.ts';
import { readJson } from '../../http/read-json.ts';

const Text = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
/** The members of an error and of a result. Other members are passed over. */
const EnvelopeSchema = Type.Object({
  error: Type.Optional(Text),
  detailedmessage: Type.Optional(Text),
  errortext: Type.Optional(Text),
  missingfields: Type.Optional(Type.Array(Type.String())),
  success: Type.Optional(Text),
  patientpaymentid: Type.Optional(Text),
  paymentid: Type.Optional(Text),
  epaymentid: Type.Optional(Text),
});
export type Envelope = Static<typeof EnvelopeSchema>;

/** @returns the object of an answer, also when it is the only item of a list; null when the body is not JSON of athena. */
export function envelopeOf(body: string): Envelope | null {
  const read = readJson(body);
  const value: unknown = Array.isArray(read) && read.length === 1 ? read[0] : read;
  if (Array.isArray(value)) return null;
  return Value.Check(EnvelopeSchema, value) ? value : null;
}

const isText = (value: unknown): value is string | number => {
  const text = String(value ?? '').trim();
  return text !== '' && text !== 'false';
};

/**
 * An error of athena: `{"error", "detailedmessage"?, "missingfields"?}`
 * (https://docs.athenahealth.com/api/resources/api-error-message-reference).
 */
export type AthenaError = { texts: readonly string[]; missing: readonly string[] };

/** @returns null when the body reports no error, as a gateway's page does not: those are not JSON. */
export function errorIn(body: string): AthenaError | null {
  const envelope = envelopeOf(body);
  if (envelope === null) return null;
  const texts = [envelope.error, envelope.detailedmessage, envelope.errortext].filter(isText).map(String);
  const missing = envelope.missingfields ?? [];
  const failed = envelope.success !== undefined && !/^true$/i.test(String(envelope.success).trim());
  return texts.length > 0 || missing.length > 0 || failed ? { texts, missing } : null;
}

/** The words of an answer: the texts of an error, else the whole body. */
export function saidBy(body: string): string {
  const error = errorIn(body);
  if (error === null) return body;
  const missing = error.missing.length === 0 ? [] : [`missing fields: ${error.missing.join(', ')}`];
  return [...error.texts, ...missing].join(' ');
}

export const wordsOf = (body: string) => ownWords(saidBy(body));
