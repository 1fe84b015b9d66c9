import { createHash, createPublicKey } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Credentials } from '../credentials.ts';
import type { IssuedTokens } from '../issued-tokens.ts';
import type { Applications } from '../oauth/applications.ts';
import { authorizeRoutes } from '../oauth/authorize-routes.ts';
import { OAuthError } from '../oauth/oauth-error.ts';
import { baseUrl } from './bundle.ts';
import { ALGORITHMS, ASSERTION_TYPE, type ClientKey, problemOf } from './client-assertion.ts';
import { isObject } from './json.ts';
import { FhirProblem } from './operation-outcome.ts';
import { createUserLogins, USER_SCOPES } from './user-logins.ts';

const TOKEN = '/oauth/token';
const REGISTER = '/oauth/register';
/** Its answers are HTML. */
export const AUTHORIZE = '/oauth/authorize';
const DISCOVERY = '/.well-known/smart-configuration';
/** Paths that are no FHIR. */
export const OAUTH_PATHS = [TOKEN, REGISTER, DISCOVERY];
/** Paths that need no access token. */
export const OPEN_PATHS = [TOKEN, DISCOVERY, AUTHORIZE];

/** SMART recommends at most five minutes. */
export const TOKEN_SECONDS = 300;

type Form = Record<string, string>;
/** The secret of the credentials is the client secret. */
type Deps = { tokens: IssuedTokens; credentials: Credentials; applications: Applications };

/** The fields of a form; null for another body, and where a parameter comes twice (RFC 6749, section 3.2). */
function fieldsOf(body: unknown): Form | null {
  if (!(body instanceof URLSearchParams)) return null;
  const fields = Object.fromEntries(body);
  return Object.keys(fields).length === body.size ? fields : null;
}

/** Client id and secret of the header `Authorization: Basic`, each form-encoded (RFC 6749, section 2.3.1). */
function basicOf(request: FastifyRequest): { id: string; secret: string } | null {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/.exec(request.headers.authorization ?? '') ?? [];
  if (encoded === undefined) return null;
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 2);
  const decode = (part: string) => [...new URLSearchParams(`x=${part}`).values()].join('&');
  return { id: decode(id), secret: decode(secret) };
}

function readKeys(body: unknown): ClientKey[] | null {
  const keys = isObject(body) && isObject(body.jwks) ? body.jwks.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0) return null;
  const good = keys.every((key) => {
    if (!isObject(key) || typeof key.kid !== 'string' || 'd' in key) return false;
    try {
      createPublicKey({ key, format: 'jwk' });
      return true;
    } catch {
      return false; // a key that Node cannot read is none
    }
  });
  return good ? keys : null;
}

/**
 * A token endpoint for client credentials, with a secret or with a signed assertion (SMART Backend Services), and for the logins of
 * persons (SMART App Launch, standalone); and the registration of a client's public keys (RFC 7591), for which the caller needs
 * the sandbox's token.
 */
export async function oauthRoutes(
  app: FastifyInstance,
  { tokens, credentials, applications }: Deps,
): Promise<void> {
  const logins = createUserLogins({ tokens, credentials });
  const clients = new Map<string, readonly ClientKey[]>();
  const used = new Set<string>();
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (request, body, done) => {
      const path = request.url.split('?', 1)[0];
      if (path === `${app.prefix}${TOKEN}` || path === `${app.prefix}${AUTHORIZE}`)
        return done(null, new URLSearchParams(String(body)));
      done(new FhirProblem(415, 'not-supported', 'A body must be JSON.'));
    },
  );
  const refuse = (reply: FastifyReply, status: 400 | 401, { error, text }: { error: string; text: string }) =>
    reply.code(status).send({ error, error_description: text });

  app.post(TOKEN, async (request, reply) => {
    reply.header('cache-control', 'no-store').header('pragma', 'no-cache');
    const form = fieldsOf(request.body);
    if (form === null) return refuse(reply, 400, { error: 'invalid_request', text: 'The body is no form.' });
    const { grant_type, client_id, client_secret, client_assertion, client_assertion_type, scope } = form;
    if (grant_type === 'authorization_code' || grant_type === 'refresh_token') {
      const client = basicOf(request) ?? { id: client_id ?? '', secret: client_secret ?? '' };
      // A registered application proves that it is one; there are no public ones here.
      if (client.secret === '' || applications.secretOf(client.id) !== client.secret)
        return refuse(reply, 401, { error: 'invalid_client', text: 'Unknown application or wrong secret.' });
      try {
        return logins.answer(client.id, form);
      } catch (error) {
        if (!(error instanceof OAuthError)) throw error;
        return refuse(reply, 400, { error: error.code, text: error.message });
      }
    }
    if (grant_type !== 'client_credentials')
      return refuse(reply, 400, { error: 'unsupported_grant_type', text: 'This grant is not supported.' });
    if (client_assertion !== undefined) {
      if (client_assertion_type !== ASSERTION_TYPE)
        return refuse(reply, 400, { error: 'invalid_request', text: 'client_assertion_type is wrong.' });
      if (!scope) return refuse(reply, 400, { error: 'invalid_scope', text: 'scope is required.' });
      const problem = problemOf(
        { used, keysOf: (id) => clients.get(id) },
        { assertion: client_assertion, tokenUrl: `${baseUrl(request)}${TOKEN}`, now: new Date() },
      );
      if (problem !== null) return refuse(reply, 400, { error: 'invalid_client', text: problem });
    } else {
      const basic = basicOf(request);
      const id = basic?.id ?? client_id ?? '';
      const given = basic?.secret ?? client_secret ?? '';
      if (basic !== null && client_secret !== undefined)
        return refuse(reply, 400, { error: 'invalid_request', text: 'The client is authenticated twice.' });
      if (id === '' || given === '' || !credentials.isSecret(given)) {
        if (basic !== null) reply.header('www-authenticate', 'Basic');
        return refuse(reply, 401, { error: 'invalid_client', text: 'Unknown client or wrong secret.' });
      }
    }
    return {
      access_token: tokens.issue(),
      token_type: 'bearer',
      expires_in: TOKEN_SECONDS,
      ...(scope ? { scope } : {}),
    };
  });

  app.post(REGISTER, async (request, reply) => {
    const keys = readKeys(request.body);
    if (keys === null) {
      const text = 'jwks must have public keys with a kid.';
      return refuse(reply, 400, { error: 'invalid_client_metadata', text });
    }
    // Made from the keys, so that the client of a script keeps its id when the sandbox restarts and it registers again.
    const id = createHash('sha256').update(JSON.stringify(keys)).digest('base64url').slice(0, 24);
    clients.set(id, keys);
    return reply.code(201).send({
      client_id: id,
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys },
    });
  });

  await authorizeRoutes(
    app,
    { applications, codes: logins.codes },
    {
      path: AUTHORIZE,
      title: 'FHIR server (sandbox): log in',
      demandsOf: (request) => ({ scopes: USER_SCOPES, pkce: true, audience: baseUrl(request) }),
    },
  );

  // https://hl7.org/fhir/smart-app-launch/conformance.html
  app.get(DISCOVERY, async (request) => ({
    authorization_endpoint: `${baseUrl(request)}${AUTHORIZE}`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    scopes_supported: USER_SCOPES,
    token_endpoint: `${baseUrl(request)}${TOKEN}`,
    registration_endpoint: `${baseUrl(request)}${REGISTER}`,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
    capabilities: [
      'launch-standalone',
      'client-confidential-asymmetric',
      'client-confidential-symmetric',
      'permission-user',
      'permission-offline',
      'permission-v2',
    ],
  }));
}
