import type { PostOptions } from '../calls.ts';
import type { Posting, PostOutcome } from '../posting.ts';
import { classifyPost } from './classify.ts';
import { confirmCreated, confirmExisting } from './confirm-existing.ts';
import type { FhirConnection } from './connection.ts';

/** Enough for the answer to a create: one resource or one OperationOutcome. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** Sends one create, once. An entry that the answer shows, or that this send did not create, is compared with the payment. */
export async function sendPosting(
  connection: FhirConnection,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  const { session, payments, settings } = connection;
  const identifierSystem = settings.payment_identifier_system;
  const result = await session.send(
    {
      path: `/${payments.type}`,
      headers: {
        // The Location header names the entry; the resource itself matters only when it existed before.
        prefer: 'return=minimal',
        // The header is a query, in which a plus would be a space.
        ...(settings.conditional_create
          ? { 'if-none-exist': `identifier=${identifierSystem.replaceAll('+', '%2B')}|${posting.paymentId}` }
          : {}),
      },
      body: {
        contentType: 'application/fhir+json',
        text: JSON.stringify(payments.compose(posting, new Date())),
      },
      maxAnswerBytes: MAX_ANSWER_BYTES,
      unshared: connection.capability === 'none',
    },
    options,
  );
  const outcome = classifyPost(connection, result);
  if (outcome.outcome !== 'exists') return outcome;
  const { emrTransactionId: id, entry, created, toCome } = outcome;
  if (created && entry !== null) return confirmCreated(connection, { posting, id, entry });
  return confirmExisting(connection, { posting, id, entry, toCome }, options);
}
