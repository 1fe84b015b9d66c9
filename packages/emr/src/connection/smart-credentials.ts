import { type Static, Type } from '@sinclair/typebox';
import type { AdapterDeps } from '../adapter-deps.ts';
import type { Grant } from '../grant.ts';
import { bearerTokenSchema } from '../http/bearer-token.ts';
import type { EmrAuth } from '../http/session.ts';
import { privateKeyProblem } from '../tokens/private-key.ts';
import { readCredentials } from './read-connection.ts';
import { readTokenUrl } from './token-url.ts';

/** RFC 6749, appendix A: what an id and a secret of a client may hold. */
const Printable = (description: string) =>
  Type.String({ pattern: '^[\\x20-\\x7e]+$', maxLength: 2000, description });

/**
 * The credentials of a FHIR server: nothing, a token that never changes, or what gets tokens by OAuth 2.0, as SMART backend services
 * do (https://hl7.org/fhir/smart-app-launch/backend-services.html), or by the login of a person
 * (https://hl7.org/fhir/smart-app-launch/app-launch.html).
 */
export const smartCredentials = Type.Object(
  {
    bearer_token: Type.Optional(
      bearerTokenSchema('sent as Authorization: Bearer …; give it alone, or token_url and client_id instead'),
    ),
    token_url: Type.Optional(
      Type.String({
        maxLength: 2000,
        description: 'https URL of the token endpoint, for tokens by OAuth 2.0',
      }),
    ),
    client_id: Type.Optional(Printable('id of our client at the token endpoint')),
    client_secret: Type.Optional(Printable('secret of our client; or private_key_jwk instead')),
    client_auth: Type.Optional(
      Type.String({
        pattern: '^(basic|post)$',
        description:
          'basic or post: where client_id and client_secret go, the header Authorization or the body. Without it: basic',
      }),
    ),
    private_key_jwk: Type.Optional(
      Type.String({
        maxLength: 20_000,
        description:
          'private JWK as JSON with a kid (RSA for RS384, or EC on P-384 for ES384), for SMART backend services',
      }),
    ),
    refresh_token: Type.Optional(
      Printable('the refresh token of a login of a person; with token_url, client_id and client_secret'),
    ),
    scope: Type.Optional(
      Type.String({
        pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+( [\\x21\\x23-\\x5b\\x5d-\\x7e]+)*$',
        maxLength: 2000,
        description: 'scopes of the token, separated by single blanks, such as system/*.crus',
      }),
    ),
    audience: Type.Optional(
      Printable(
        'the API that the token is for, at token servers that ask for it (Auth0, and so Oystehr: https://api.zapehr.com)',
      ),
    ),
  },
  { additionalProperties: false },
);
export type SmartCredentials = Static<typeof smartCredentials>;

const EITHER =
  'give bearer_token alone, or token_url and client_id with either client_secret or private_key_jwk';

/** @returns what is wrong with the combination; null when it is one that can be used. */
function combinationProblem(given: SmartCredentials): string | null {
  const names = Object.keys(given).filter((name) => given[name as keyof SmartCredentials] !== undefined);
  if (names.length === 0) return null;
  if (given.bearer_token !== undefined) {
    const other = names.find((name) => name !== 'bearer_token');
    return other === undefined ? null : `bearer_token and ${other} cannot be used together: ${EITHER}`;
  }
  for (const name of ['token_url', 'client_id'] as const) {
    if (given[name] === undefined) return `${name} is missing beside ${names[0]}: ${EITHER}`;
  }
  if (given.client_secret !== undefined && given.private_key_jwk !== undefined)
    return `client_secret and private_key_jwk cannot be used together: ${EITHER}`;
  if (given.refresh_token !== undefined) {
    if (given.client_secret === undefined)
      return 'client_secret is missing beside refresh_token: a login is continued with the secret of its application';
    // A renewed token has the scopes of the login (RFC 6749, section 6).
    const other = (['scope', 'audience'] as const).find((name) => given[name] !== undefined);
    return other === undefined ? null : `${other} is fixed by the login of refresh_token, so leave it out`;
  }
  if (given.client_secret !== undefined) return null;
  if (given.private_key_jwk === undefined)
    return `client_secret or private_key_jwk is missing beside token_url: ${EITHER}`;
  for (const name of ['client_auth', 'audience'] as const)
    if (given[name] !== undefined) return `${name} is for client_secret only, so leave it out`;
  const problem = privateKeyProblem(given.private_key_jwk);
  if (problem !== null) return `private_key_jwk ${problem}`;
  // https://hl7.org/fhir/smart-app-launch/backend-services.html#request-1
  return given.scope === undefined ? 'scope is missing beside private_key_jwk, so add it' : null;
}

/**
 * Checks the credentials of a FHIR server. No sentence quotes a value: values are secret.
 *
 * @throws Error naming the credential that is missing, unknown, malformed or one too many.
 */
export function readSmartCredentials(given: Readonly<Record<string, string>>): SmartCredentials {
  const credentials = readCredentials(smartCredentials, given);
  const problem = combinationProblem(credentials);
  if (problem !== null) throw new Error(`credentials: ${problem}`);
  if (credentials.token_url === undefined) return credentials;
  const { token_url: text } = credentials;
  return { ...credentials, token_url: readTokenUrl({ name: 'credentials: token_url', text }) };
}

/** @returns the grant by which checked credentials get tokens; null when they need none. */
function grantOf(credentials: SmartCredentials): Grant | null {
  const { token_url: tokenUrl, client_id: clientId, client_secret: clientSecret, scope } = credentials;
  if (tokenUrl === undefined || clientId === undefined) return null;
  const { private_key_jwk: privateKeyJwk, refresh_token: refreshToken, audience } = credentials;
  if (clientSecret !== undefined) {
    const clientAuth = credentials.client_auth === 'post' ? 'post' : 'basic';
    const client = { tokenUrl, clientId, clientSecret, clientAuth } as const;
    return refreshToken === undefined
      ? { kind: 'client_credentials', ...client, scope, audience }
      : { kind: 'refresh_token', ...client, refreshToken };
  }
  if (privateKeyJwk === undefined) return null;
  return { kind: 'private_key_jwt', tokenUrl, clientId, privateKeyJwk, scope };
}

/** Makes the authentication of a session from credentials that `readSmartCredentials` has checked. */
export function authOf({ tokens }: Pick<AdapterDeps, 'tokens'>, credentials: SmartCredentials): EmrAuth {
  const grant = grantOf(credentials);
  // FHIR gives a 401 no form, and its status says that nothing was done.
  if (grant !== null)
    return { kind: 'bearer', source: tokens.of(grant), rejects: ({ status }) => status === 401 };
  const { bearer_token: token } = credentials;
  return token === undefined
    ? { kind: 'none' }
    : { kind: 'header', name: 'authorization', value: `Bearer ${token}` };
}

/** The texts among checked credentials that no sentence may hold. */
export function secretsOf({
  bearer_token,
  client_id,
  client_secret,
  private_key_jwk,
  refresh_token,
}: SmartCredentials): string[] {
  return [bearer_token, client_id, client_secret, private_key_jwk, refresh_token].filter(
    (text) => text !== undefined,
  );
}
