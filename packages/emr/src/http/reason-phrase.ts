import { STATUS_CODES } from 'node:http';

const PHRASES: ReadonlySet<string> = new Set(
  Object.values(STATUS_CODES).map((text = '') => text.toLowerCase()),
);

/**
 * True for a text that only names a status, such as "Forbidden" or "Not Found". Gateways and frameworks put these into whatever form they
 * have (`{"error": "Forbidden"}`, `{"detail": "Not Found"}`, https://www.starlette.io/exceptions/), so they are the mark of no vendor.
 */
export const isReasonPhrase = (text: string): boolean => PHRASES.has(text.trim().toLowerCase());
