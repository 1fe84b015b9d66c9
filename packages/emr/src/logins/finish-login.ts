import * as oauth from 'oauth4webapi';
import type { Network } from '../network.ts';
import { exchangeFor, NoTokenAnswerError, REFRESH_TOKEN } from '../tokens/obtain-token.ts';
import { noAnswerTrouble, troubleOf } from '../tokens/token-trouble.ts';
import type { Trouble } from '../trouble.ts';
import type { LoginApplication, LoginServer } from './login-application.ts';

export type LoginFinished =
  | { outcome: 'logged_in'; refreshToken: string }
  /** The person said no. */
  | { outcome: 'denied' }
  /** The EMR ended the login with another error. Its words are not passed on. */
  | { outcome: 'refused' }
  /** What came back is not from the server that the person was sent to, or not in a form that can be trusted. */
  | { outcome: 'not_trusted' }
  /** The EMR gave no login that lasts. */
  | { outcome: 'not_lasting' }
  | { outcome: 'unavailable'; trouble: Trouble };

export type FinishInput = {
  server: LoginServer;
  application: LoginApplication;
  /** The query of the return. */
  parameters: URLSearchParams;
  /** The one that the login began with. */
  state: string;
  verifier: string;
  redirectUri: string;
};

/** A person waits for it. */
const TIMEOUT_MS = 15_000;

/**
 * Judges the parameters with which a browser came back, before anything is sent. Two of a name, another `state`, and a token in the
 * address are refused. An `iss` must be the server's own name (RFC 9207), against a mix-up of two servers (RFC 9700, section 4.4).
 */
function readReturn({
  server: { issuer, authorizeUrl, tokenUrl, namesItself },
  application: { clientId },
  parameters,
  state,
}: FinishInput) {
  const given = parameters.getAll('iss');
  const own = issuer ?? new URL(authorizeUrl).origin;
  // Without a name that the operator gave or the server published, the server may add a path to its origin.
  const named =
    issuer === null && given.length === 1 && URL.parse(given[0] ?? '')?.origin === own ? given[0] : own;
  const server: oauth.AuthorizationServer = {
    issuer: named ?? own,
    token_endpoint: tokenUrl,
    authorization_response_iss_parameter_supported: namesItself,
  };
  const client: oauth.Client = { client_id: clientId };
  return { server, client, code: oauth.validateAuthResponse(server, client, parameters, state) };
}

/**
 * Ends a login: exchanges the code that came back with the browser for the login's refresh token, once. The access token that comes
 * with it is not kept: the connection gets its own.
 *
 * @param deps.network that to the token endpoint: an address that the EMR has published is one that somebody else has chosen.
 */
export async function finishLogin(
  { network }: { network: Network },
  input: FinishInput,
): Promise<LoginFinished> {
  const { application } = input;
  let back: ReturnType<typeof readReturn>;
  try {
    back = readReturn(input);
  } catch (error) {
    if (error instanceof oauth.AuthorizationResponseError)
      return { outcome: error.error === 'access_denied' ? 'denied' : 'refused' };
    return { outcome: 'not_trusted' };
  }
  const { server, client, code } = back;
  // The library would refuse two of them only when it sends them.
  if (code.getAll('code').length !== 1) return { outcome: 'not_trusted' };
  const { request, seen } = exchangeFor({
    network,
    timeoutMs: TIMEOUT_MS,
    mayStillSend: () => true,
  });
  // http is taken here: the operator's command refuses a token URL that can be read on the way, and the guard one that was published.
  const options = { [oauth.customFetch]: request, [oauth.allowInsecureRequests]: true };
  try {
    const secret =
      input.server.clientAuth === 'basic'
        ? oauth.ClientSecretBasic(application.clientSecret)
        : oauth.ClientSecretPost(application.clientSecret);
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      secret,
      code,
      input.redirectUri,
      input.verifier,
      options,
    );
    const given = await oauth.processGenericTokenEndpointResponse(server, client, response);
    const { refresh_token: refreshToken } = given;
    if (refreshToken === undefined || !REFRESH_TOKEN.test(refreshToken)) return { outcome: 'not_lasting' };
    return { outcome: 'logged_in', refreshToken };
  } catch (error) {
    if (error instanceof NoTokenAnswerError)
      return { outcome: 'unavailable', trouble: noAnswerTrouble(error.result) };
    if (seen.answer === null) throw error;
  }
  const secrets = [...seen.secrets, application.clientSecret];
  return { outcome: 'unavailable', trouble: troubleOf(seen.answer, { refreshes: false, secrets }) };
}
