import * as oauth from 'oauth4webapi';
import type { LoginApplication } from './login-application.ts';

/** `state` and `verifier` are in clear: the one comes back with the browser, the other stays here until then. */
export type LoginBegun = { location: string; state: string; verifier: string };

/**
 * Makes the address at which a person logs in: authorization code with PKCE, S256 (RFC 6749, section 4.1; RFC 7636).
 *
 * @param input.redirectUri where the EMR sends the browser back, exactly as it is registered there.
 */
export async function beginLogin(
  { authorizeUrl, clientId, scopes }: LoginApplication,
  { redirectUri }: { redirectUri: string },
): Promise<LoginBegun> {
  const state = oauth.generateRandomState();
  const verifier = oauth.generateRandomCodeVerifier();
  const location = new URL(authorizeUrl);
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    ...(scopes === '' ? {} : { scope: scopes }),
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
  return { location: location.href, state, verifier };
}
