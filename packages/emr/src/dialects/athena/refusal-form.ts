import type { Complaint, RefusalForm } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';
import { readJson } from '../../http/read-json.ts';
import { type AthenaError, errorIn, saidBy } from './envelope.ts';

/**
 * Members that no error of athena has, and those of gateways and frameworks have: Spring and Azure (`status`, `statusCode`, `path`,
 * `timestamp`, `message`), Apigee (`fault`), OAuth (`error_description`).
 */
const FOREIGN = ['status', 'statusCode', 'path', 'timestamp', 'message', 'fault', 'error_description'];

function complaint({ body }: Answer): Complaint<AthenaError> | null {
  const value = readJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  if (FOREIGN.some((name) => name in value)) return null;
  const error = errorIn(body);
  if (error === null || (error.texts.length === 0 && error.missing.length === 0)) return null;
  return { kind: 'refusal', refusal: error };
}

/** "Developer Inactive" and a 401: the gateway's answer to a bad token (https://docs.athenahealth.com/api/guides/best-practices). */
const saysInactive = ({ body }: Answer): boolean => /\bDeveloper Inactive\b/.test(body);

/**
 * athena's backend gives JSON with an `error`; "some errors may come directly from API Gateway before they reach athenaNet. They
 * generally have no JSONed content" (https://docs.athenahealth.com/api/resources/api-error-message-reference). Of the gateway's texts only
 * that of a 401 is documented, so a 429 has no form, and a 403 without JSON proves nothing. A right that is missing is a 401 with JSON
 * (https://docs.athenahealth.com/api/guides/checking-api-status).
 */
export const FORM: RefusalForm<AthenaError> = {
  refuses: [400, 404, 405, 413, 415, 422],
  unauthorized: (answer) => saysInactive(answer) || complaint(answer) !== null,
  forbidden: 'complaint',
  throttled: 'status',
  complaint,
  words: saidBy,
};
