import {
  type Actor,
  type Database,
  type OauthApplicationRecord,
  setOauthApplication,
} from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName, isPlainHttp, readBaseUrl } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

export type OauthAppOutcome =
  | { outcome: 'set'; application: Pick<OauthApplicationRecord, 'adapter' | 'baseUrl'> }
  | { outcome: 'unknown_adapter' }
  /** Its credentials come from no login. */
  | { outcome: 'no_logins'; adapters: readonly string[] }
  | { outcome: 'wrong'; reason: string };

const PRINTABLE = /^[\x20-\x7e]{1,2000}$/;
/** RFC 6749, section 3.3. */
const SCOPES = /^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/;

function addressProblem(name: string, text: string | null): string | null {
  if (text === null) return null;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || text.includes('#'))
    return `${name} must be an https URL without a fragment.`;
  if (url.username !== '' || url.password !== '') return `${name} must not hold a user name or password.`;
  return isPlainHttp(text) ? `${name} must be https: what is sent there could be read on the way.` : null;
}

function problemOf(given: OauthApplicationRecord): string | null {
  for (const [name, text] of [
    ['authorize-url', given.authorizeUrl],
    ['token-url', given.tokenUrl],
    ['base-url', given.baseUrl],
  ] as const) {
    const problem = addressProblem(name, text);
    if (problem !== null) return problem;
  }
  if (!PRINTABLE.test(given.clientId) || !PRINTABLE.test(given.clientSecret))
    return 'client-id and client secret must be 1 to 2000 printable ASCII characters.';
  return SCOPES.test(given.scopes) ? null : 'scopes must be separated by single blanks.';
}

/**
 * Keeps the operator's application at an EMR, with which practices log in over the connect page, or replaces it.
 *
 * @param input.clientSecret in clear; it is stored sealed.
 */
export async function setOauthApp(
  deps: { database: Database; keyring: Keyring },
  { by, ...given }: OauthApplicationRecord & { by: Actor },
): Promise<OauthAppOutcome> {
  const adapter = canonicalAdapterName(given.adapter);
  const description = adapterDescriptions.find(({ name }) => name === adapter);
  if (description === undefined) return { outcome: 'unknown_adapter' };
  if (description.login === undefined)
    return {
      outcome: 'no_logins',
      adapters: adapterDescriptions.filter(({ login }) => login !== undefined).map(({ name }) => name),
    };
  const named = [given.authorizeUrl, given.tokenUrl].filter((url) => url !== null).length;
  if (named === 1) return { outcome: 'wrong', reason: 'authorize-url and token-url belong together.' };
  if (named === 0 && description.login.smart === undefined)
    return {
      outcome: 'wrong',
      reason: `authorize-url and token-url are missing: ${adapter} publishes none.`,
    };
  let baseUrl: string;
  try {
    baseUrl = readBaseUrl(given.baseUrl);
  } catch (error) {
    return { outcome: 'wrong', reason: `${(error as Error).message}.` };
  }
  const application = { ...given, adapter: description.name, baseUrl };
  const problem = problemOf(application);
  if (problem !== null) return { outcome: 'wrong', reason: problem };
  await setOauthApplication(deps, { ...application, by });
  return { outcome: 'set', application };
}
