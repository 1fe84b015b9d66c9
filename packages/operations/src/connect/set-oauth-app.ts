import {
  type Actor,
  type Database,
  inTransaction,
  type OauthApplicationRecord,
  removeOauthApplication,
  type StatementDeps,
  setOauthApplicationIn,
  type Transaction,
} from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName, isPlainHttp, readBaseUrl } from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

export type OauthAppOutcome =
  | { outcome: 'set' | 'unchanged'; application: Pick<OauthApplicationRecord, 'adapter' | 'baseUrl'> }
  | { outcome: 'unknown_adapter' }
  /** Its credentials come from no login. */
  | { outcome: 'no_logins'; adapters: readonly string[] }
  /** `rule` follows the name of the field. */
  | { outcome: 'wrong'; field: OauthAppField; rule: string };

export type OauthAppField =
  | 'base_url'
  | 'authorize_url'
  | 'token_url'
  | 'client_id'
  | 'client_secret'
  | 'scopes'
  | 'issuer';

const PRINTABLE = /^[\x20-\x7e]{1,2000}$/;
/** RFC 6749, section 3.3. */
const SCOPES = /^(?:[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*)?$/;

function addressProblem(text: string | null): string | null {
  if (text === null) return null;
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || text.includes('#'))
    return 'must be an https URL without a fragment';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password';
  return isPlainHttp(text) ? 'must be https: what is sent there could be read on the way' : null;
}

type Wrong = Extract<OauthAppOutcome, { outcome: 'wrong' }>;

function problemOf(given: OauthApplicationRecord): Wrong | null {
  const wrong = (field: OauthAppField, rule: string): Wrong => ({ outcome: 'wrong', field, rule });
  for (const [field, text] of [
    ['base_url', given.baseUrl],
    ['authorize_url', given.authorizeUrl],
    ['token_url', given.tokenUrl],
  ] as const) {
    const rule = addressProblem(text);
    if (rule !== null) return wrong(field, rule);
  }
  for (const [field, text] of [
    ['client_id', given.clientId],
    ['client_secret', given.clientSecret],
    ['issuer', given.issuer],
  ] as const)
    if (text !== null && !PRINTABLE.test(text))
      return wrong(field, 'must be 1 to 2000 printable ASCII characters');
  return SCOPES.test(given.scopes) ? null : wrong('scopes', 'must be separated by single blanks');
}

type SetInput = OauthApplicationRecord & { by: Actor };

/** Does what `setOauthApp` does, in a transaction of the caller. What is not `set` has written nothing. */
export async function setOauthAppIn(
  tx: Transaction & { keyring: Keyring },
  { by, ...given }: SetInput,
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
  if (named === 1) return {
      outcome: 'wrong',
      field: given.authorizeUrl === null ? 'authorize_url' : 'token_url',
      rule: 'is missing: the addresses of the login and of its tokens belong together',
    };
  if (named === 0 && description.login.smart === undefined)
    return {
      outcome: 'wrong',
      field: 'authorize_url',
      rule: `is missing, and so is token_url: ${adapter} publishes none`,
    };
  let baseUrl: string;
  try {
    baseUrl = readBaseUrl(given.baseUrl);
  } catch (error) {
    return { outcome: 'wrong', field: 'base_url', rule: `cannot be used: ${(error as Error).message}` };
  }
  const application = { ...given, adapter: description.name, baseUrl };
  const problem = problemOf(application);
  if (problem !== null) return problem;
  return { outcome: await setOauthApplicationIn(tx, { ...application, by }), application };
}

/**
 * Keeps the operator's application at an EMR, with which practices log in over the connect page, or replaces it.
 *
 * @param input.clientSecret in clear; it is stored sealed.
 */
export const setOauthApp = (
  { database, keyring }: { database: Pick<Database, 'pool'>; keyring: Keyring },
  input: SetInput,
): Promise<OauthAppOutcome> =>
  inTransaction({ database }, async (tx) => {
    const value = await setOauthAppIn({ ...tx, keyring }, input);
    return { commit: value.outcome === 'set', value };
  });

/** The form in which base URLs are stored. A text that is no base URL stays as it is: nothing has it. */
function storedBaseUrl(text: string): string {
  try {
    return readBaseUrl(text);
  } catch {
    return text;
  }
}

/** Removes an application by the name of its adapter, also a former one, and its base URL, with or without a slash at its end. */
export function removeOauthApp(
  deps: StatementDeps,
  { adapter, baseUrl, by }: { adapter: string; baseUrl: string; by: Actor },
): Promise<'removed' | 'not_found'> {
  return removeOauthApplication(deps, {
    adapter: canonicalAdapterName(adapter) ?? adapter,
    baseUrl: storedBaseUrl(baseUrl),
    by,
  });
}
