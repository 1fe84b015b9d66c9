/**
 * The reasons for which a payment ends as `failed` or `needs_review`, as codes for programs; `action` says what a person
 * does about it. A code is never renamed or given another meaning. `failure_reason` explains the single case in words.
 */
export const FAILURE_CODES = {
  unknown_payment_method: {
    status: 'failed',
    action: 'Use one of the payment methods that the reason lists, or add the method in the EMR, then retry.',
  },
  unknown_location: {
    status: 'failed',
    action: 'Use one of the locations that the reason lists, or add the location in the EMR, then retry.',
  },
  unknown_patient: {
    status: 'failed',
    action: 'The EMR no longer knows the patient. Sync patients, then create the payment again.',
  },
  closed_period: {
    status: 'failed',
    action:
      'The deposit date lies in a period that the practice has closed. Create the payment with an open date.',
  },
  amount_refused: {
    status: 'failed',
    action:
      "The EMR does not take this amount, often because it exceeds the patient's balance. Correct the amount.",
  },
  emr_refused: {
    status: 'failed',
    action: 'The EMR refused the payment. Correct what the reason names, then retry.',
  },
  connection_misconfigured: {
    status: 'failed',
    action: "The practice's EMR connection cannot be used as it is set up. Correct it, then retry.",
  },
  retries_exhausted: {
    status: 'failed',
    action:
      'The EMR could not be reached until the retry horizon ended, and does not have the payment. Retry.',
  },
  resolved_not_posted: {
    status: 'failed',
    action: 'A person looked in the EMR and did not find the payment. Retry to have it posted.',
  },
  outcome_unknown: {
    status: 'needs_review',
    action: 'The payment may or may not be in the EMR. Look there, then resolve it as posted or not posted.',
  },
  several_matches: {
    status: 'needs_review',
    action:
      'The EMR has more than one entry for the payment. Remove all but one there, then resolve it as posted.',
  },
  entry_differs: {
    status: 'needs_review',
    action:
      "The EMR has an entry with the payment's id that is not this payment; the reason names the difference. Correct the " +
      'entry there and resolve the payment as posted, or remove it there and resolve the payment as not posted.',
  },
  not_confirmed: {
    status: 'needs_review',
    action:
      'The EMR accepted the payment for later and did not confirm in time that it has posted it. Look there, then resolve ' +
      'the payment as posted or not posted.',
  },
  settlement_failed: {
    status: 'needs_review',
    action:
      'The outcome of the payment could not be recorded because of a fault on our side. Look in the EMR, then resolve the ' +
      'payment as posted or not posted.',
  },
} as const satisfies Record<string, { status: 'failed' | 'needs_review'; action: string }>;

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
