import type { Complaint, RefusalForm } from '../../http/evidence.ts';
import type { Answer } from '../../http/exchange.ts';
import { readJson } from '../../http/read-json.ts';
import { isReasonPhrase } from '../../http/reason-phrase.ts';
import { type AthenaError, errorIn, saidBy } from './envelope.ts';

/**
 * Members that no error of athena has, and those of gateways and frameworks have: Spring and Azure (`status`, `statusCode`, `path`,
 * `timestamp`, `message`), Apigee (`fault`), OAuth (`error_description`), and others.
 */
const FOREIGN: ReadonlySet<string> = new Set([
  ...['status', 'statuscode', 'path', 'timestamp', 'message', 'fault'],
  ...['code', 'errors', 'type', 'title', 'detail', 'reason', 'requestid', 'traceid'],
]);
/** athena's own members are lower-case words without a sign between them (https://docs.athenahealth.com/api/api-ref/payment). */
const OWN_NAME = /^[a-z][a-z0-9]*$/;
const isForeign = (name: string): boolean => !OWN_NAME.test(name) || FOREIGN.has(name);

function complaint({ status, body }: Answer): Complaint<AthenaError> | null {
  const value = readJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  if (Object.keys(value).some(isForeign)) return null;
  // `{"error": true}` and `{"error": 403}` are no messages.
  if ('error' in value && typeof value.error !== 'string') return null;
  const error = errorIn(body);
  if (error === null || (error.texts.length === 0 && error.missing.length === 0)) return null;
  const only = error.missing.length === 0 && error.texts.every(isReasonPhrase);
  // "Unauthorized" with a 401 says only what the status says, and that suffices.
  if (only && !(status === 401 && error.texts[0] === 'Unauthorized')) return null;
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
