import type { ErrorEntry } from './error-entry.ts';

/** Errors of this service, and of an EMR that it has to ask for the answer. */
export const SERVICE_ERRORS = {
  internal_error: {
    status: 500,
    retry: 'with_key',
    about: 'An error of this service. Quote the request_id when you report it.',
    sentence: () => 'Something went wrong on our side.',
  },
  service_unavailable: {
    status: 503,
    retry: 'with_key',
    about:
      'The service cannot accept requests at the moment; the header `Retry-After` says when to try again.',
    sentence: () => 'The service is temporarily unavailable. Please try again.',
  },
  patient_lookup_unavailable: {
    status: 503,
    retry: 'always',
    about:
      'The MRN is not known yet, and the EMR did not say within 3 seconds who has it, or it was asked in the last minute for too many MRNs ' +
      'that it does not know. Nothing was accepted: send the same request ' +
      'again; the header `Retry-After` says when.',
    sentence: ({ reason }) =>
      `This patient is not known yet, and the EMR could not be asked. ${reason} Nothing was accepted: send the request again.`,
  },
  emr_unavailable: {
    status: 502,
    retry: 'always',
    about: 'The EMR cannot be reached, or its answer was not understood. Nothing was written.',
    sentence: ({ reason }) => `The EMR could not be asked. ${reason}`,
  },
  emr_timeout: {
    status: 504,
    retry: 'always',
    about: 'The EMR did not answer within 5 seconds. Nothing was written.',
    sentence: () => 'The EMR did not answer in time.',
  },
} as const satisfies Record<string, ErrorEntry>;
