import type { Applications } from './applications.ts';
import { OAuthError } from './oauth-error.ts';

export type Fields = Readonly<Record<string, string>>;

/** What the application asks for, in a form that may be granted. */
export type AuthorizeRequest = {
  clientId: string;
  redirectUri: string;
  scopes: readonly string[];
  state: string | undefined;
  challenge: string | undefined;
};

/** What an authorization server demands. */
export type Demands = {
  /** The scopes that it can grant. */
  scopes: readonly string[];
  /** True where an application must send a PKCE challenge. */
  pkce: boolean;
  /** The `aud` that an application must send; undefined: none is read. */
  audience: string | undefined;
};

/** An authorize request of a known application: granted as far as its form goes, or refused by a redirect. */
export type Reading =
  | { outcome: 'good'; request: AuthorizeRequest }
  /** Nobody may be sent anywhere: a page says what is wrong. */
  | { outcome: 'untrusted'; problem: string }
  | { outcome: 'refused'; to: string };

/** The redirect URI with the answer's parameters behind its own. */
export function redirectTo(redirectUri: string, answer: Record<string, string | undefined>): string {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(answer))
    if (value !== undefined) url.searchParams.append(name, value);
  return url.href;
}

const SMART_SCOPE = /^(?<on>user\/[A-Za-z]+\.)(?<may>c?r?u?d?s?)$/;

/** True for a scope that can be granted, also as a part of one: `user/Patient.s` of `user/Patient.rs`. */
function isGrantable(known: readonly string[], scope: string): boolean {
  if (known.includes(scope)) return true;
  const { on, may = '' } = SMART_SCOPE.exec(scope)?.groups ?? {};
  if (on === undefined || may === '') return false;
  return known.some(
    (one) => one.startsWith(on) && [...may].every((letter) => one.slice(on.length).includes(letter)),
  );
}

/** @throws OAuthError for what is answered by a redirect. */
function checked(fields: Fields, demands: Demands): Pick<AuthorizeRequest, 'scopes' | 'challenge'> {
  if (fields.response_type !== 'code')
    throw new OAuthError('unsupported_response_type', 'response_type must be code.');
  const { code_challenge: challenge, code_challenge_method: method } = fields;
  if (challenge === undefined && (demands.pkce || method !== undefined))
    throw new OAuthError('invalid_request', 'code_challenge is missing.');
  if (challenge !== undefined && (method !== 'S256' || !/^[A-Za-z0-9_-]{43}$/.test(challenge)))
    throw new OAuthError('invalid_request', 'The code challenge must be one of S256.');
  if (demands.audience !== undefined && fields.aud?.replace(/\/$/, '') !== demands.audience)
    throw new OAuthError('invalid_request', `aud must be ${demands.audience}.`);
  const scopes = fields.scope === undefined ? demands.scopes : fields.scope.split(' ').filter(Boolean);
  const unknown = scopes.find((scope) => !isGrantable(demands.scopes, scope));
  if (unknown !== undefined || scopes.length === 0)
    throw new OAuthError('invalid_scope', 'A scope cannot be granted here.');
  return { scopes, challenge };
}

/**
 * Reads an authorize request. Where application or redirect URI are not known, nothing is sent to that URI (RFC 6749, section 4.1.2.1).
 */
export function readAuthorizeRequest(
  { applications, demands }: { applications: Applications; demands: Demands },
  fields: Fields,
): Reading {
  const { client_id: clientId = '', redirect_uri: redirectUri = '', state } = fields;
  if (applications.secretOf(clientId) === undefined)
    return { outcome: 'untrusted', problem: 'The application is not known.' };
  if (!applications.mayReturnTo(clientId, redirectUri))
    return { outcome: 'untrusted', problem: 'The redirect URI is not one of the application.' };
  try {
    return { outcome: 'good', request: { clientId, redirectUri, state, ...checked(fields, demands) } };
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    const answer = { error: error.code, error_description: error.message, state };
    return { outcome: 'refused', to: redirectTo(redirectUri, answer) };
  }
}
