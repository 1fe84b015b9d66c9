import { type Static, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { SmartNeed } from '../description.ts';
import { exchange } from '../http/exchange.ts';
import { readJson } from '../http/read-json.ts';
import type { Network } from '../network.ts';
import { noAnswerTrouble } from '../tokens/token-trouble.ts';
import type { Trouble } from '../trouble.ts';
import type { LoginServer } from './login-application.ts';
import { smartScopes } from './smart-scopes.ts';

/** Members of https://hl7.org/fhir/smart-app-launch/conformance.html that a login depends on. */
const Words = Type.Optional(Type.Array(Type.String({ maxLength: 500 }), { maxItems: 2000 }));
const ConfigurationSchema = Type.Object({
  authorization_endpoint: Type.String({ maxLength: 2048 }),
  token_endpoint: Type.String({ maxLength: 2048 }),
  issuer: Type.Optional(Type.String({ maxLength: 2048 })),
  authorization_response_iss_parameter_supported: Type.Optional(Type.Boolean()),
  token_endpoint_auth_methods_supported: Words,
  code_challenge_methods_supported: Words,
  scopes_supported: Words,
  capabilities: Words,
});
export type SmartConfiguration = Static<typeof ConfigurationSchema>;

export type SmartDiscovery =
  /** Nobody has checked the addresses yet. */
  | { outcome: 'found'; server: LoginServer; scopes: string }
  /** The server publishes no login of persons that an application with a secret could use. */
  | { outcome: 'no_logins' }
  | { outcome: 'unavailable'; trouble: Trouble };

/** A person waits for it. */
const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 256 * 1024;

/** Chooses how the application proves that it is one; null: by none of the ways that a secret permits. */
function clientAuthOf({
  token_endpoint_auth_methods_supported: methods,
}: SmartConfiguration): LoginServer['clientAuth'] | null {
  // https://hl7.org/fhir/smart-app-launch/client-confidential-symmetric.html is by the header, and the member is optional.
  if (methods === undefined || methods.includes('client_secret_basic')) return 'basic';
  return methods.includes('client_secret_post') ? 'post' : null;
}

function serverOf(configuration: SmartConfiguration): LoginServer | null {
  const { code_challenge_methods_supported: challenges = ['S256'] } = configuration;
  const clientAuth = clientAuthOf(configuration);
  if (clientAuth === null || !challenges.includes('S256')) return null;
  return {
    authorizeUrl: configuration.authorization_endpoint,
    tokenUrl: configuration.token_endpoint,
    issuer: configuration.issuer ?? null,
    namesItself: configuration.authorization_response_iss_parameter_supported ?? false,
    clientAuth,
  };
}

/**
 * Reads where the persons of a FHIR server log in: `.well-known/smart-configuration` below its base URL. No redirect is followed.
 *
 * @param deps.network that of the connection which the login is for: the base URL may be one that only some networks may call.
 * @param input.needs what the application has to be allowed; the server says in which form it grants that.
 */
export async function discoverSmart(
  { network }: { network: Network },
  { baseUrl, needs }: { baseUrl: string; needs: readonly SmartNeed[] },
): Promise<SmartDiscovery> {
  const answer = await exchange(network, {
    method: 'GET',
    url: `${baseUrl}/.well-known/smart-configuration`,
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    timeoutMs: TIMEOUT_MS,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  if (answer.kind === 'no_answer') return { outcome: 'unavailable', trouble: noAnswerTrouble(answer) };
  const configuration = answer.status === 200 ? readJson(answer.body) : undefined;
  if (!Value.Check(ConfigurationSchema, configuration)) return { outcome: 'no_logins' };
  const server = serverOf(configuration);
  if (server === null) return { outcome: 'no_logins' };
  return { outcome: 'found', server, scopes: smartScopes(configuration, needs) };
}
