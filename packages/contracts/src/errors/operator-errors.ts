import type { ErrorEntry } from './error-entry.ts';

/** Errors of the operator's API alone. */
export const OPERATOR_ERRORS = {
  invalid_operator_key: {
    status: 401,
    retry: 'never',
    about: "Of the operator's API: the operator key is missing, unknown, expired or revoked.",
    sentence: () => 'Invalid operator key.',
  },
  scope_missing: {
    status: 403,
    retry: 'never',
    about: "Of the operator's API: the key does not have the scope that this takes; the message names it.",
    sentence: ({ scope }) =>
      `This operator key does not have the scope ${scope}. Use one that has it (emr-payments operator-key create).`,
  },
  record_not_found: {
    status: 404,
    retry: 'never',
    about: "Of the operator's API: there is no record of this id.",
    sentence: ({ record }) => `There is no such ${record}.`,
  },
  state_refused: {
    status: 409,
    retry: 'never',
    about: "Of the operator's API: the state of the record does not allow this; the message says why.",
    sentence: ({ reason }) => `${reason}`,
  },
  connection_refused: {
    status: 422,
    retry: 'never',
    about:
      "Of the operator's API: the EMR connection cannot be used, and nothing was saved; the message says why.",
    sentence: ({ reason }) => `The EMR connection cannot be used, and nothing was saved: ${reason}`,
  },
} as const satisfies Record<string, ErrorEntry>;
