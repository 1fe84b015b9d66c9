import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Credentials } from '../../credentials.ts';
import type { IssuedTokens } from '../../issued-tokens.ts';

/** Ten hours (https://docs.canvasmedical.com/api/customer-authentication). */
export const TOKEN_SECONDS = 36_000;
export const TOKEN_PATH = '/auth/token/';

/**
 * The token endpoint, for client credentials in the form. The page shows id and secret there, so the header is not read.
 */
export async function tokenRoutes(
  app: FastifyInstance,
  { tokens, credentials }: { tokens: IssuedTokens; credentials: Credentials },
): Promise<void> {
  const refuse = (reply: FastifyReply, status: 400 | 401, error: string) =>
    reply.code(status).send({ error });
  app.post<{ Body: unknown }>(TOKEN_PATH, async (request, reply) => {
    const { body } = request;
    if (!(body instanceof URLSearchParams)) return refuse(reply, 400, 'invalid_request');
    if (body.get('grant_type') !== 'client_credentials') return refuse(reply, 400, 'unsupported_grant_type');
    const given = body.get('client_secret') ?? '';
    if (!body.get('client_id') || given === '' || !credentials.isSecret(given))
      return refuse(reply, 401, 'invalid_client');
    return {
      access_token: tokens.issue(),
      expires_in: TOKEN_SECONDS,
      token_type: 'Bearer',
      scope: 'user/*.read user/*.write',
    };
  });
}
