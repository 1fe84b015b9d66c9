import * as oauth from 'oauth4webapi';
import type { Grant } from '../grant.ts';
import type { Answer, NoAnswer } from '../http/exchange.ts';
import { readJson } from '../http/read-json.ts';
import type { Trouble } from '../trouble.ts';
import { importPrivateKey } from './private-key.ts';
import { callTokenEndpoint, type ObtainedToken, type TokenCallDeps } from './token-call.ts';
import { noAnswerTrouble, troubleOf } from './token-trouble.ts';

/** Texts that may go into the header of a request (RFC 6750, section 2.1), and do not fill it. */
const ACCESS_TOKEN = /^[A-Za-z0-9._~+/-]{1,8192}=*$/;
/** RFC 6749, appendix A.17. */
export const REFRESH_TOKEN = /^[\x20-\x7e]{1,8192}$/;

/**
 * How long an assertion is good. SMART permits five minutes; a minute of them is for clocks that differ.
 * https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
 */
const ASSERTION_S = 240;

type OAuthGrant = Exclude<Grant, { kind: 'exchange' }>;

async function clientAuthOf(grant: OAuthGrant): Promise<oauth.ClientAuth> {
  if (grant.kind !== 'private_key_jwt') {
    return grant.clientAuth === 'basic'
      ? oauth.ClientSecretBasic(grant.clientSecret)
      : oauth.ClientSecretPost(grant.clientSecret);
  }
  return oauth.PrivateKeyJwt(await importPrivateKey(grant.privateKeyJwk), {
    [oauth.modifyAssertion](header, payload) {
      header.typ = 'JWT';
      payload.aud = grant.tokenUrl;
      payload.exp = Number(payload.iat) + ASSERTION_S;
      // A server whose clock is behind ours would refuse it.
      delete payload.nbf;
    },
  });
}

/** Ends a call of the library where our exchange had no answer. */
export class NoTokenAnswerError extends Error {
  override name = 'NoTokenAnswerError';
  readonly result: NoAnswer;
  constructor(result: NoAnswer) {
    super('the token endpoint gave no complete answer');
    this.result = result;
  }
}

/**
 * Leaves the members that a token depends on, and of a body that can be read in two ways nothing. The library refuses an answer for
 * any other member that it finds wrong, and an answer that is refused can cost a login: its refresh token is the only good one. So
 * a lifetime that is none counts as one that the server does not say, and so does an empty refresh token; an id token says who logged
 * in, which nobody asks.
 */
function tokensOnly(body: string): string {
  const value = readJson(body);
  if (typeof value !== 'object' || value === null) return '';
  const { access_token, token_type, refresh_token, expires_in } = value as Record<string, unknown>;
  const seconds = typeof expires_in === 'string' ? Number.parseFloat(expires_in) : expires_in;
  const lifetime = Number.isFinite(seconds) && Number(seconds) >= 0 ? seconds : undefined;
  const next = refresh_token === '' ? undefined : refresh_token;
  return JSON.stringify({ access_token, token_type, refresh_token: next, expires_in: lifetime });
}

const SECRET_PARAMETERS = [
  'client_id',
  'client_secret',
  'refresh_token',
  'client_assertion',
  'code',
  'code_verifier',
];

/** Gives oauth4webapi our exchange instead of `fetch`, and keeps what went through it. */
export function exchangeFor(deps: TokenCallDeps) {
  const seen: { answer: Answer | null; secrets: string[] } = { answer: null, secrets: [] };
  const request = async (
    url: string,
    { headers, body }: { headers: Record<string, string>; body: URLSearchParams },
  ): Promise<Response> => {
    const { authorization } = headers;
    for (const name of SECRET_PARAMETERS) seen.secrets.push(body.get(name) ?? '');
    seen.secrets.push(authorization?.replace(/^Basic /, '') ?? '');
    const result = await callTokenEndpoint(deps, {
      url,
      headers: {
        accept: 'application/json',
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: body.toString(),
    });
    if (result.kind === 'no_answer') throw new NoTokenAnswerError(result);
    seen.answer = result;
    // Only success is left to the library: refusals are judged by status and body.
    const status = result.status === 201 ? 200 : result.status;
    if (status !== 200) return new Response(null, { status: 500 });
    return new Response(tokensOnly(result.body), {
      status,
      headers: { 'content-type': result.headers['content-type'] ?? '' },
    });
  };
  return { request, seen };
}

async function obtainByOAuth(
  deps: TokenCallDeps,
  { grant, refreshToken }: { grant: OAuthGrant; refreshToken: string | null },
): Promise<ObtainedToken | Trouble> {
  const server: oauth.AuthorizationServer = { issuer: grant.tokenUrl, token_endpoint: grant.tokenUrl };
  const client: oauth.Client = { client_id: grant.clientId };
  const clientAuth = await clientAuthOf(grant);
  const { request, seen } = exchangeFor(deps);
  // http is taken here: `setUpConnection` refuses a token URL that can be read on the way.
  const options = { [oauth.customFetch]: request, [oauth.allowInsecureRequests]: true };
  const refreshes = grant.kind === 'refresh_token';
  if (grant.kind !== 'private_key_jwt') seen.secrets.push(grant.clientSecret);
  try {
    const response = refreshes
      ? await oauth.refreshTokenGrantRequest(
          server,
          client,
          clientAuth,
          refreshToken ?? grant.refreshToken,
          options,
        )
      : await oauth.clientCredentialsGrantRequest(server, client, clientAuth, parametersOf(grant), options);
    const given = await oauth.processGenericTokenEndpointResponse(server, client, response);
    const readable =
      given.token_type === 'bearer' &&
      ACCESS_TOKEN.test(given.access_token) &&
      (given.refresh_token === undefined || REFRESH_TOKEN.test(given.refresh_token));
    if (readable) {
      return {
        accessToken: given.access_token,
        refreshToken: given.refresh_token ?? null,
        expiresInMs: given.expires_in === undefined ? null : given.expires_in * 1000,
      };
    }
  } catch (error) {
    if (error instanceof NoTokenAnswerError) return noAnswerTrouble(error.result);
    // Before the answer it is a mistake of ours, such as a key that does not sign.
    if (seen.answer === null) throw error;
  }
  if (seen.answer === null) throw new Error('the token endpoint was not called');
  return troubleOf(seen.answer, { refreshes, secrets: seen.secrets });
}

async function obtainByExchange(
  deps: TokenCallDeps,
  grant: Extract<Grant, { kind: 'exchange' }>,
): Promise<ObtainedToken | Trouble> {
  const type = grant.body === null ? {} : { 'content-type': grant.body.contentType };
  const result = await callTokenEndpoint(deps, {
    url: grant.tokenUrl,
    headers: { ...grant.headers, ...type },
    body: grant.body?.text ?? null,
  });
  if (result.kind === 'no_answer') return noAnswerTrouble(result);
  const { status, body } = result;
  const given = status >= 200 && status <= 299 ? grant.read({ status, body }) : null;
  if (given !== null && ACCESS_TOKEN.test(given.token))
    return { accessToken: given.token, refreshToken: null, expiresInMs: given.expiresInMs };
  return troubleOf(result, { refreshes: false, secrets: grant.credential });
}

/** The parameters of the request besides the client's own. */
function parametersOf(grant: Exclude<Grant, { kind: 'exchange' | 'refresh_token' }>): Record<string, string> {
  const audience = grant.kind === 'client_credentials' ? grant.audience : undefined;
  return {
    ...(grant.scope === undefined ? {} : { scope: grant.scope }),
    ...(audience === undefined ? {} : { audience }),
  };
}

/**
 * Gets an access token by one call of the token endpoint.
 *
 * @param input.refreshToken the present refresh token, where it is no longer the one that the grant begins with.
 * @returns trouble when there is none: it says why in our words, and has the vendor's apart.
 */
export function obtainToken(
  deps: TokenCallDeps,
  { grant, refreshToken }: { grant: Grant; refreshToken: string | null },
): Promise<ObtainedToken | Trouble> {
  return grant.kind === 'exchange'
    ? obtainByExchange(deps, grant)
    : obtainByOAuth(deps, { grant, refreshToken });
}
