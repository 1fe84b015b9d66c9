import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

export type OidcServer = {
  tokenUrl: string;
  /** The id of the client of each way to authenticate; `SECRET` is the secret of the first two. */
  clients: { basic: string; post: string; RS384: string; ES384: string };
  keys: { RS384: string; ES384: string };
  /** Looks a token up in the server. */
  isLive(accessToken: string): Promise<boolean>;
  /** Logs a person in, as a browser would: @returns the first refresh token of the client `basic`. */
  logIn(): Promise<string>;
  close(): Promise<void>;
};

/** With characters that the header Basic has in another form (RFC 6749, section 2.3.1). */
export const SECRET = 'p:w+d/%20 &=';

/** A whole authorization server that nobody here wrote: https://github.com/panva/node-oidc-provider. It forgets all when it closes. */
export async function openOidcServer(): Promise<OidcServer> {
  const server = createServer((request, response) => void provider.callback()(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pairs = {
    RS384: await generateKeyPair('RS384', { extractable: true }),
    ES384: await generateKeyPair('ES384', { extractable: true }),
  };
  const common = {
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: 'system/*.crus',
  };
  const keyed = async (alg: 'RS384' | 'ES384') => ({
    ...common,
    client_id: `keyed-${alg}`,
    token_endpoint_auth_method: 'private_key_jwt' as const,
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...(await exportJWK(pairs[alg].publicKey)), kid: alg, alg, use: 'sig' }] },
  });
  const secret = (client_id: string, method: 'client_secret_basic' | 'client_secret_post') => ({
    ...common,
    client_id,
    client_secret: SECRET,
    token_endpoint_auth_method: method,
    scope: 'system/*.crus offline_access openid',
    grant_types: ['client_credentials', 'refresh_token'],
  });
  const provider = new Provider(issuer, {
    clients: [
      secret('with basic', 'client_secret_basic'),
      secret('with post', 'client_secret_post'),
      await keyed('RS384'),
      await keyed('ES384'),
    ],
    enabledJWA: { clientAuthSigningAlgValues: ['RS384', 'ES384'] },
    features: { clientCredentials: { enabled: true }, devInteractions: { enabled: false } },
    scopes: ['system/*.crus', 'user/*.crus', 'openid', 'offline_access'],
    rotateRefreshToken: true,
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    ttl: { ClientCredentials: 600, AccessToken: 600, RefreshToken: 3600, Grant: 3600, IdToken: 600 },
  });
  const jwkOf = async (alg: 'RS384' | 'ES384') =>
    JSON.stringify({ ...(await exportJWK(pairs[alg].privateKey)), kid: alg });
  return {
    tokenUrl: `${issuer}/token`,
    clients: { basic: 'with basic', post: 'with post', RS384: 'keyed-RS384', ES384: 'keyed-ES384' },
    keys: { RS384: await jwkOf('RS384'), ES384: await jwkOf('ES384') },
    async isLive(accessToken) {
      const found =
        (await provider.ClientCredentials.find(accessToken)) ??
        (await provider.AccessToken.find(accessToken));
      return found !== undefined;
    },
    async logIn() {
      const client = await provider.Client.find('with basic');
      if (client === undefined) throw new Error('no client');
      const grant = new provider.Grant({ accountId: 'a person', clientId: 'with basic' });
      grant.addOIDCScope('openid offline_access');
      const grantId = await grant.save();
      const token = new provider.RefreshToken({
        client,
        accountId: 'a person',
        grantId,
        gty: 'authorization_code',
        scope: 'openid offline_access',
      });
      return token.save();
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
