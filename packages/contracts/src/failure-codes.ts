import { type OurSentence, sentence } from './our-sentence.ts';

/**
 * The reasons for which a payment ends as `failed` or `needs_review`, as codes for programs. `says` is the sentence with which
 * `failure_reason` begins, where the code says more than the single case; `action` says what a person does about it. A code is
 * never renamed or given another meaning.
 */
export const FAILURE_CODES = {
  unknown_payment_method: {
    status: 'failed',
    says: sentence`The EMR does not know the payment method.`,
    action: 'Use one of the payment methods that the reason lists, or add the method in the EMR, then retry.',
  },
  method_needs_data: {
    status: 'failed',
    says: sentence`The EMR needs data for this payment method that the payment does not carry.`,
    action:
      'The EMR takes this payment method only with data that a payment does not carry; the reason names them. Use another ' +
      "payment method, or have the operator of this service add them to the practice's connection, then retry.",
  },
  unknown_location: {
    status: 'failed',
    says: sentence`The EMR does not know the location.`,
    action: 'Use one of the locations that the reason lists, or add the location in the EMR, then retry.',
  },
  unknown_patient: {
    status: 'failed',
    says: sentence`The EMR does not know the patient: patients must be imported again.`,
    action:
      "The EMR no longer knows the patient. Correct the MRN's EMR patient ID (by a sync, an import or `PUT /v1/patients/{mrn}`), then retry.",
  },
  closed_period: {
    status: 'failed',
    says: sentence`The deposit date is in a period that the practice has closed: an open date is needed.`,
    action:
      'The deposit date lies in a period that the practice has closed. Create the payment with an open date.',
  },
  amount_refused: {
    status: 'failed',
    says: sentence`The EMR does not take this amount: it must be corrected.`,
    action:
      "The EMR does not take this amount, often because it exceeds the patient's balance. Correct the amount.",
  },
  emr_refused: {
    status: 'failed',
    says: sentence`The EMR refused the payment.`,
    action:
      'The EMR refused the payment. The reason names the field, where the EMR names one, and the operator of this service can ' +
      "read the EMR's own words. Correct the cause, then retry.",
  },
  connection_misconfigured: {
    status: 'failed',
    says: sentence`The EMR does not take payments at the address, or in the format, of the practice's connection.`,
    action: "The practice's EMR connection cannot be used as it is set up. Correct it, then retry.",
  },
  retries_exhausted: {
    status: 'failed',
    says: sentence`The EMR could not be reached until the retry horizon ended, and does not have the payment.`,
    action:
      'The EMR could not be reached until the retry horizon ended, and does not have the payment. Retry.',
  },
  resolved_not_posted: {
    status: 'failed',
    says: sentence`It was looked up in the EMR by a person: the payment was not posted.`,
    action: 'A person looked in the EMR and did not find the payment. Retry to have it posted.',
  },
  outcome_unknown: {
    status: 'needs_review',
    says: sentence`The EMR did not say whether it took the payment: a person must look there.`,
    action: 'The payment may or may not be in the EMR. Look there, then resolve it as posted or not posted.',
  },
  several_matches: {
    status: 'needs_review',
    says: sentence`The EMR has more than one entry for the payment, and together they are not the payment: a person must look there.`,
    action:
      'The EMR has more than one entry for the payment, and together they are not its amount: it is there twice, or in part. ' +
      'Correct the entries there until they are the payment once, then resolve it as posted.',
  },
  entry_differs: {
    status: 'needs_review',
    says: sentence`The EMR has an entry with this payment's id that is not this payment: a person must look there.`,
    action:
      "The EMR has an entry with the payment's id that is not this payment; the reason names the difference. Correct the " +
      'entry there and resolve the payment as posted, or remove it there and resolve the payment as not posted.',
  },
  not_confirmed: {
    status: 'needs_review',
    says: sentence`The EMR accepted the payment for later and did not confirm that it has posted it.`,
    action:
      'The EMR accepted the payment for later and did not confirm in time that it has posted it. Look there, then resolve ' +
      'the payment as posted or not posted.',
  },
  settlement_failed: {
    status: 'needs_review',
    says: sentence`The outcome of this payment could not be recorded because of a fault on our side. It may or may not be in the EMR.`,
    action:
      'The outcome of the payment could not be recorded because of a fault on our side. Look in the EMR, then resolve the ' +
      'payment as posted or not posted.',
  },
} as const satisfies Record<string, { status: 'failed' | 'needs_review'; says: OurSentence; action: string }>;

export type FailureCode = keyof typeof FAILURE_CODES;

type CodeOf<S extends 'failed' | 'needs_review'> = {
  [C in FailureCode]: (typeof FAILURE_CODES)[C]['status'] extends S ? C : never;
}[FailureCode];

/** Codes of payments that are certainly not in the EMR. */
export type FailedCode = CodeOf<'failed'>;

/** Codes of payments that a person has to check in the EMR. */
export type ReviewCode = CodeOf<'needs_review'>;

export function isFailureCode(code: string): code is FailureCode {
  return Object.hasOwn(FAILURE_CODES, code);
}
