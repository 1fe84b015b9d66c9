import * as oauth from 'oauth4webapi';
import type { LoginApplication, LoginServer } from './login-application.ts';

/** `state` and `verifier` are in clear: the one comes back with the browser, the other stays here until then. */
export type LoginBegun = { location: string; state: string; verifier: string };

export type BeginInput = {
  server: Pick<LoginServer, 'authorizeUrl'>;
  application: Pick<LoginApplication, 'clientId' | 'scopes'>;
  /** Where the EMR sends the browser back, exactly as it is registered there. */
  redirectUri: string;
  /** The API that the tokens are for (`aud` of SMART App Launch); null: the server asks for none. */
  audience: string | null;
};

/**
 * Makes the address at which a person logs in: authorization code with PKCE, S256 (RFC 6749, section 4.1; RFC 7636), and for a FHIR
 * server a standalone launch (https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code).
 */
export async function beginLogin({
  server: { authorizeUrl },
  application: { clientId, scopes },
  redirectUri,
  audience,
}: BeginInput): Promise<LoginBegun> {
  const state = oauth.generateRandomState();
  const verifier = oauth.generateRandomCodeVerifier();
  const location = new URL(authorizeUrl);
  const parameters = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    ...(scopes === '' ? {} : { scope: scopes }),
    ...(audience === null ? {} : { aud: audience }),
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
  for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
  return { location: location.href, state, verifier };
}
