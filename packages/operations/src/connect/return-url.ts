import type { ClientMode } from '@emr-payments/contracts';
import { isPlainHttp } from '@emr-payments/emr';

const LONGEST = 2048;
/** Parameters that the page adds. */
const OWN = ['connect_session_id', 'status'];

/**
 * Says why an address cannot be one to which the connect page sends a browser back; null when it can. It is https, or, for a test client, on the
 * integrator's own machine; it holds no credentials and no fragment, because sessions are compared with it character by character.
 */
export function returnUrlProblem(text: string, mode: ClientMode): string | null {
  // The URL parser silently drops or rewrites these characters.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused here
  const url = text.length > LONGEST || /[\u0000-\u0020\u007f\\]/.test(text) ? null : URL.parse(text);
  if (url === null) return 'it must be a URL without blanks, of at most 2048 characters';
  const isLocal = url.protocol === 'http:' && !isPlainHttp(text);
  if (url.protocol !== 'https:' && !(isLocal && mode === 'test'))
    return 'it must begin with https://; of a test client it may be http on your own machine (http://localhost)';
  if (url.username !== '' || url.password !== '') return 'it must not hold a user name or password';
  if (text.includes('#')) return 'it must have no fragment (#)';
  const taken = OWN.find((name) => url.searchParams.has(name));
  return taken === undefined ? null : `its query must not have ${taken}, which the page adds`;
}

/** Makes the address to which the browser goes at the end. No secret is in it. */
export function returnAddress(
  returnUrl: string,
  { id, status }: { id: string; status: 'connected' | 'canceled' },
): string {
  const url = new URL(returnUrl);
  url.searchParams.set('connect_session_id', id);
  url.searchParams.set('status', status);
  return url.href;
}
