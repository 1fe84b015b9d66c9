import type { PostOptions } from '../../calls.ts';
import type { Posting, PostOutcome } from '../../posting.ts';
import { classifyPost } from './classify.ts';
import type { AthenaConnection } from './connection.ts';
import { methodFields } from './method-data.ts';

/** Enough for an id or an error. */
const MAX_ANSWER_BYTES = 256 * 1024;

/** A day as athena writes it: mm/dd/yyyy. */
const usDate = (day: string): string => day.replace(/^(\d{4})-(\d{2})-(\d{2})$/, '$2/$3/$1');

/**
 * The path below the practice and the fields of a payment. The amount is `otheramount`: it belongs to no appointment, and waits in the
 * patient's unapplied money. `collectpayment` would charge a card, and `patientenrollment` would end athena's own statements for the
 * patient: neither is called anywhere.
 */
function requestFor(
  { way }: AthenaConnection,
  posting: Posting,
): { path: string; fields: Record<string, string> } {
  const { emrPatientId, method, location, amount } = posting;
  const day = usDate(posting.depositDate);
  const paid = { paymentmethod: method.id, otheramount: amount };
  // https://docs.athenahealth.com/api/workflows/record-payment
  if (way.kind === 'record')
    return {
      path: `/patients/${encodeURIComponent(emrPatientId)}/recordpayment`,
      fields: { departmentid: location.id, ...paid, postdate: day },
    };
  // https://docs.athenahealth.com/api/workflows/patient-pay-vendors. Our id has the 32 characters that externalrefid may have.
  return {
    path: `/patientpayvendors/${way.vendorCode}/payments`,
    fields: {
      departmentid: location.id,
      externalrefid: posting.paymentId,
      patientid: emrPatientId,
      ...paid,
      [way.postDateField]: day,
    },
  };
}

/** Sends one payment as a form, once. One whose method needs data that are not there is refused, and nothing is sent. */
export async function sendPosting(
  athena: AthenaConnection,
  posting: Posting,
  options: PostOptions,
): Promise<PostOutcome> {
  const data = methodFields(athena, posting);
  if (!data.ok) return { outcome: 'refused', code: 'method_needs_data', reason: data.reason };
  const { path, fields } = requestFor(athena, posting);
  const answer = await athena.session.send(
    {
      path: `${athena.root}${path}`,
      body: {
        contentType: 'application/x-www-form-urlencoded',
        text: new URLSearchParams({ ...fields, ...data.fields }).toString(),
      },
      maxAnswerBytes: MAX_ANSWER_BYTES,
      unshared: athena.way.kind === 'record',
    },
    options,
  );
  return classifyPost(athena, answer);
}
