import type { RefusalForm } from '../../http/evidence.ts';
import { type CandidError, errorOf, wordsIn } from './words.ts';

/** The names of the documented errors, by their status. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [403, 'UnauthorizedError'],
  [404, 'EntityNotFoundError'],
  [422, 'UnprocessableEntityError'],
  [429, 'TooManyRequestsError'],
]);

/**
 * Candid documents 403, 404 and 422 of a create (https://docs.joincandidhealth.com/api-reference/patient-payments/v-4/create) and 429 of a
 * token (https://docs.joincandidhealth.com/api-reference/auth/default/get-token), each with an error by name, and no 401. A 403 is no
 * refusal of a payment: rights can be given.
 */
export const FORM: RefusalForm<CandidError> = {
  refuses: [404, 422],
  unauthorized: 'never',
  forbidden: 'complaint',
  throttled: 'complaint',
  complaint({ status, body }) {
    const error = errorOf(body);
    const known = error !== null && NAMES.get(status) === error.errorName;
    return known ? { kind: 'refusal', refusal: error } : null;
  },
  words: wordsIn,
};
