import type { ErrorEntry } from './error-entry.ts';

/** Errors about a user, its payments and its patients. */
export const PAYMENT_ERRORS = {
  invalid_client: {
    status: 401,
    retry: 'never',
    about: 'client_id or client_secret is missing or wrong.',
    sentence: () => 'Invalid client credentials.',
  },
  user_not_found: {
    status: 404,
    retry: 'never',
    about:
      'The access token is missing, unknown, revoked, or belongs to another client; of a connect session: you have no connected user ' +
      'with this `user_id`.',
    sentence: () => 'User not found.',
  },
  patient_not_found: {
    status: 404,
    retry: 'never',
    about:
      'The MRN is not known for this user, or has no EMR patient id, and the EMR, where it can be asked, has not one patient with it. ' +
      'That is believed for a minute.',
    sentence: ({ mrn }) =>
      `Patient with MRN '${mrn}' not found. Please ensure the patient has been synced and has an EMR patient ID.`,
  },
  payment_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no payment of this id, or it is another user's.",
    sentence: () => 'Payment not found.',
  },
  job_not_found: {
    status: 404,
    retry: 'never',
    about: "There is no job of this number, or it is another user's.",
    sentence: () => 'Job not found.',
  },
  invalid_state: {
    status: 409,
    retry: 'never',
    about:
      'The payment is not in a state that allows this; the message names the one that it is in. Of a finding: the payment has been settled since `event_id` and needs another review.',
    sentence: ({ status }) => `The state of the payment does not allow this: it is ${status}.`,
  },
  retry_limit_reached: {
    status: 409,
    retry: 'never',
    about:
      'The payment has been tried and has failed a thousand times. It is not in the EMR: make a new payment.',
    sentence: () =>
      'This payment has failed a thousand times and is not tried again. It is not in the EMR: make a new payment.',
  },
  patient_changed: {
    status: 409,
    retry: 'never',
    about:
      "Of a retry: the MRN has another EMR patient id than at the payment's last try, and the service's database has been restored from a backup since. " +
      'The payment may be in the EMR, under an id that is not known. Look for it there, and make a new payment if there is none.',
    sentence: () =>
      'The patient has another EMR patient ID now, and after a restore of the database it is not known to which one this payment was sent. ' +
      'Look for it in the EMR, and make a new payment if it is not there.',
  },
  method_needs_data: {
    status: 422,
    retry: 'never',
    about:
      'Of a dry run: the EMR takes this payment method only with data that a payment does not carry. Use another method.',
    sentence: ({ reason }) => `This payment cannot be posted. ${reason}`,
  },
  connection_unusable: {
    status: 409,
    retry: 'never',
    about:
      "The practice's EMR connection cannot be used as it is set up. The person who connected it has to correct it.",
    sentence: () => "The practice's EMR connection cannot be used as it is set up.",
  },
  import_in_progress: {
    status: 409,
    retry: 'always',
    about:
      "Another import of this user's patients is being written, or something else changed them meanwhile. Nothing was written.",
    sentence: () =>
      "Another import of this user's patients is being written. Nothing was written: send the file again afterwards.",
  },
  patients_file_unusable: {
    status: 422,
    retry: 'never',
    about:
      'Of an import of patients: the file as a whole cannot be used, and nothing of it was written; the message says where and why.',
    sentence: ({ reason }) => `The file of patients cannot be used. ${reason}`,
  },
} as const satisfies Record<string, ErrorEntry>;
