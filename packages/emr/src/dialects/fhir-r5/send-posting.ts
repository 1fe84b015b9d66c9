import type { Posting, PostOptions, PostOutcome } from '../../adapter.ts';
import { exchange } from '../../http/exchange.ts';
import { classifyPost } from './classify.ts';
import { confirmExisting } from './confirm-existing.ts';
import type { FhirConnection } from './settings.ts';

/** Enough for the answer to a create: one resource or one OperationOutcome. */
const MAX_ANSWER_BYTES = 256 * 1024;

/**
 * Maps a posting to FHIR R5 (https://hl7.org/fhir/R5/paymentreconciliation.html). R5 requires `type`, `status`,
 * `created`, `date` and `amount`; the payer of a patient payment is the Patient, in `paymentIssuer`.
 */
export function toPaymentReconciliation(
  posting: Posting,
  { identifierSystem, now }: { identifierSystem: string; now: Date },
) {
  const bar = posting.method.id.lastIndexOf('|');
  const system = posting.method.id.slice(0, Math.max(bar, 0));
  return {
    resourceType: 'PaymentReconciliation',
    identifier: [{ system: identifierSystem, value: posting.paymentId }],
    type: {
      coding: [
        { system: 'http://terminology.hl7.org/CodeSystem/payment-type', code: 'payment', display: 'Payment' },
      ],
    },
    status: 'active',
    created: now.toISOString(),
    paymentIssuer: { reference: `Patient/${posting.emrPatientId}` },
    method: {
      coding: [
        {
          ...(system === '' ? {} : { system }),
          code: posting.method.id.slice(bar + 1),
          display: posting.method.name,
        },
      ],
      text: posting.method.name,
    },
    referenceNumber: posting.referenceNumber,
    location: { reference: `Location/${posting.location.id}` },
    date: posting.depositDate,
    // Twelve digits at most: a JSON number carries them exactly.
    amount: { value: Number(posting.amount), currency: 'USD' },
    ...(posting.notes === null ? {} : { processNote: [{ type: 'display', text: posting.notes }] }),
  };
}

/** Sends one create, once. An entry that the answer names and that this send did not create is compared with the payment. */
export async function sendPosting(
  connection: FhirConnection,
  posting: Posting,
  { signal, mayStillSend }: PostOptions,
): Promise<PostOutcome> {
  const { baseUrl, headers, settings } = connection;
  const identifierSystem = settings.payment_identifier_system;
  const resource = toPaymentReconciliation(posting, { identifierSystem, now: new Date() });
  const result = await exchange({
    method: 'POST',
    url: `${baseUrl}/PaymentReconciliation`,
    headers: {
      ...headers,
      'content-type': 'application/fhir+json',
      // The Location header names the entry; the resource itself matters only when it existed before.
      prefer: 'return=minimal',
      // The header is a query, in which a plus would be a space.
      ...(settings.conditional_create
        ? { 'if-none-exist': `identifier=${identifierSystem.replaceAll('+', '%2B')}|${posting.paymentId}` }
        : {}),
    },
    body: { text: JSON.stringify(resource), mayStillSend },
    signal,
    timeoutMs: settings.timeout_ms,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  const outcome = classifyPost(result);
  if (outcome.outcome !== 'exists') return outcome;
  const { emrTransactionId: id, entry, toCome } = outcome;
  return confirmExisting(connection, { posting, id, entry, toCome }, { signal });
}
