import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Credentials } from '../../credentials.ts';
import { formOf } from './form-body.ts';
import type { Limits } from './limits.ts';
import { quotaHeaders } from './quota-headers.ts';
import { readBasic, TOKEN_SECONDS, type Tokens } from './tokens.ts';

export const TOKEN_PATH = '/oauth2/v1/token';
/** Both forms are in use: for all practices of an app, or for one. */
const SCOPE = /^athena\/service\/Athenanet\.MDP\.(?:\*|\d+)$/;

type OAuthError = 'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'invalid_scope';

/** RFC 6749, section 5.2. */
function refuse(reply: FastifyReply, error: OAuthError, description: string): FastifyReply {
  const unauthorized = error === 'invalid_client';
  if (unauthorized) reply.header('www-authenticate', 'Basic');
  return reply.code(unauthorized ? 401 : 400).send({ error, error_description: description });
}

/**
 * Issues tokens by client credentials. The client id and secret go "in a basic authorization header"; POSTing them in the body does
 * not work (https://docs.athenahealth.com/api/guides/token-endpoint).
 */
export function tokenRoutes(
  scope: FastifyInstance,
  { tokens, limits, credentials }: { tokens: Tokens; limits: Limits; credentials: Credentials },
): void {
  scope.post(TOKEN_PATH, async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store' });
    const client = readBasic(request.headers.authorization);
    if (client === undefined) {
      return refuse(
        reply,
        'invalid_client',
        'Client id and secret are needed in a Basic authorization header.',
      );
    }
    quotaHeaders(reply, limits.token(client.id));
    const form = formOf(request);
    if (form.client_secret !== undefined || form.client_assertion !== undefined) {
      return refuse(reply, 'invalid_request', 'More than one way to authenticate is used.');
    }
    if (!credentials.isSecret(client.secret))
      return refuse(reply, 'invalid_client', 'The client secret is not valid.');
    if (form.grant_type === undefined) return refuse(reply, 'invalid_request', 'grant_type is missing.');
    if (form.grant_type !== 'client_credentials') {
      return refuse(reply, 'unsupported_grant_type', 'The grant type must be client_credentials.');
    }
    const scopes = (form.scope ?? '').split(' ');
    if (!scopes.some((each) => SCOPE.test(each))) {
      return refuse(reply, 'invalid_scope', 'A scope such as athena/service/Athenanet.MDP.* is needed.');
    }
    return {
      token_type: 'Bearer',
      expires_in: TOKEN_SECONDS,
      access_token: tokens.issue(client.id),
      scope: form.scope,
    };
  });
}
