import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

export type SmartServer = {
  /** Below it the server publishes where persons log in. */
  baseUrl: string;
  client: { clientId: string; clientSecret: string };
  redirectUri: string;
  /** Goes through the server's own pages as a browser does. @returns the query with which it comes back. */
  logIn(location: string): Promise<URLSearchParams>;
  close(): Promise<void>;
};

const SCOPES = ['user/Patient.rs', 'user/PaymentNotice.crs'];

/**
 * A whole authorization server that nobody here wrote (https://github.com/panva/node-oidc-provider), with pages on which a person logs
 * in. The document that it publishes is its own, at the place where SMART has it.
 *
 * @param auth how the client proves that it is one.
 */
export async function openSmartServer({
  auth,
}: {
  auth: 'client_secret_basic' | 'client_secret_post';
}): Promise<SmartServer> {
  const server = createServer((request, response) => {
    if (request.url === '/fhir/.well-known/smart-configuration')
      request.url = '/.well-known/openid-configuration';
    void provider.callback()(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { clientId: 'our application', clientSecret: 'p:w+d/%20 &=' };
  const redirectUri = 'http://127.0.0.1:4999/connect/callback';
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: client.clientId,
        client_secret: client.clientSecret,
        redirect_uris: [redirectUri],
        response_types: ['code'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: auth,
        scope: `offline_access ${SCOPES.join(' ')}`,
      },
    ],
    clientAuthMethods: [auth],
    pkce: { required: () => true },
    scopes: ['offline_access', ...SCOPES],
    rotateRefreshToken: true,
    // By itself it gives a login that lasts only with prompt=consent, which SMART has not.
    issueRefreshToken: async (_context, one) => one.grantTypeAllowed('refresh_token'),
    findAccount: (_context, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    cookies: { keys: ['a key of the test'] },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      Grant: 3600,
      IdToken: 600,
      Interaction: 600,
      RefreshToken: 3600,
      Session: 3600,
    },
  });

  async function logIn(location: string): Promise<URLSearchParams> {
    const cookies = new Map<string, string>();
    const visit = async (url: string, form?: Record<string, string>): Promise<Response> => {
      const answer = await fetch(url, {
        redirect: 'manual',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
      });
      for (const cookie of answer.headers.getSetCookie()) {
        const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split(/=(.*)/s);
        if (value === '') cookies.delete(name);
        else cookies.set(name, value);
      }
      return answer;
    };
    let answer = await visit(location);
    for (let steps = 0; steps < 20; steps += 1) {
      const to = answer.headers.get('location');
      if (to?.startsWith(redirectUri)) return new URL(to).searchParams;
      if (to !== null) {
        answer = await visit(new URL(to, issuer).href);
        continue;
      }
      const page = await answer.text();
      const action = /action="([^"]+)"/.exec(page)?.[1];
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (action === undefined || prompt === undefined) throw new Error(`no form: ${answer.status} ${page}`);
      answer = await visit(new URL(action, issuer).href, {
        prompt,
        login: 'frontdesk',
        password: 'let-me-in',
      });
    }
    throw new Error('the login came to no end');
  }

  return {
    baseUrl: `${issuer}/fhir`,
    client,
    redirectUri,
    logIn,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
