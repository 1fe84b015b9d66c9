import { randomBytes } from 'node:crypto';
import type { Credentials } from '../credentials.ts';
import type { IssuedTokens } from '../issued-tokens.ts';
import { type Codes, createCodes, type Grant } from '../oauth/codes.ts';
import { OAuthError } from '../oauth/oauth-error.ts';

/** What a person can grant (https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html); without `offline_access` no refresh token is given. */
export const USER_SCOPES = [
  'offline_access',
  'user/Patient.rs',
  'user/Location.rs',
  'user/ValueSet.rs',
  'user/CodeSystem.rs',
  'user/PaymentNotice.cruds',
  'user/PaymentReconciliation.cruds',
] as const;
/** SMART recommends at most one hour. */
const ACCESS_SECONDS = 300; // as the sandbox gives by client credentials

export type UserTokens = {
  access_token: string;
  token_type: 'Bearer';
  expires_in: number;
  scope: string;
  refresh_token?: string;
};

export type UserLogins = {
  codes: Codes;
  /** Answers a token request of the grants `authorization_code` and `refresh_token`. @throws OAuthError */
  answer(clientId: string, form: Readonly<Record<string, string>>): UserTokens;
};

/** The logins of persons through an application. A refresh token is good once, and its second use ends the login (RFC 9700, section 2.2.2). */
export function createUserLogins({
  tokens,
  credentials,
}: {
  tokens: IssuedTokens;
  credentials: Credentials;
}): UserLogins {
  type Login = { clientId: string; scopes: readonly string[]; era: string; newest: string; ended: boolean };
  const byRefresh = new Map<string, Login>();
  const byGrant = new Map<Grant, Login>();

  function give(login: Login, scopes: readonly string[]): UserTokens {
    const offline = login.scopes.includes('offline_access');
    const refresh_token = randomBytes(24).toString('base64url');
    login.newest = refresh_token;
    if (offline) byRefresh.set(refresh_token, login);
    return {
      access_token: tokens.issue(),
      token_type: 'Bearer',
      expires_in: ACCESS_SECONDS,
      scope: scopes.join(' '),
      ...(offline ? { refresh_token } : {}),
    };
  }

  function refresh(clientId: string, { refresh_token, scope }: Readonly<Record<string, string>>): UserTokens {
    if (!refresh_token) throw new OAuthError('invalid_request', 'refresh_token is missing.');
    const login = byRefresh.get(refresh_token);
    if (login === undefined || login.clientId !== clientId || login.era !== credentials.era())
      throw new OAuthError('invalid_grant', 'The refresh token is not known.');
    if (login.newest !== refresh_token) login.ended = true;
    if (login.ended) throw new OAuthError('invalid_grant', 'The login has ended.');
    const scopes = scope === undefined ? login.scopes : scope.split(' ');
    if (scopes.some((each) => !login.scopes.includes(each)))
      throw new OAuthError('invalid_scope', 'A scope was not granted.');
    return give(login, scopes);
  }

  const codes = createCodes({
    onSecondUse(grant) {
      const login = byGrant.get(grant);
      if (login !== undefined) login.ended = true;
    },
  });
  return {
    codes,
    answer(clientId, form) {
      if (form.grant_type === 'refresh_token') return refresh(clientId, form);
      const { code, redirect_uri: redirectUri, code_verifier: verifier } = form;
      const grant = codes.redeem({ code, clientId, redirectUri, verifier });
      const login = { clientId, scopes: grant.scopes, era: credentials.era(), newest: '', ended: false };
      byGrant.set(grant, login);
      return give(login, grant.scopes);
    },
  };
}
