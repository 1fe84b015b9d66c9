import { type BrowserSession, type OauthApplicationRecord, openOauthSecret } from '@emr-payments/db';
import {
  type AdapterDescription,
  adapterDescriptions,
  createNetworks,
  discoverSmart,
  type LoginApplication,
  type LoginServer,
  type Network,
  type NetworkOwner,
  type Trouble,
} from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import { checkEndpoint } from '@emr-payments/outbound/guard';
import type { Keyring } from '@emr-payments/runtime';

type Deps = { keyring: Keyring; sandboxHosts: SandboxHosts };

/** The server at which a login is, and who named it. `published`: the EMR did, so that every call there is guarded. */
export type KnownServer = { server: LoginServer; published: boolean };

export type ServerFound =
  | ({ outcome: 'found' } & KnownServer & { application: LoginApplication })
  | { outcome: 'no_logins' }
  /** The EMR has published an address that may not be called, or, of a test client, one that is no sandbox. */
  | { outcome: 'address_refused' }
  | { outcome: 'unavailable'; trouble: Trouble };

/** The network for a login's calls: addresses that the operator has named are open, those that an EMR has published are guarded. */
export const networkOf = (
  { sandboxHosts }: Pick<Deps, 'sandboxHosts'>,
  { published, clientMode }: { published: boolean } & Pick<NetworkOwner, 'clientMode'>,
): Network => createNetworks({ sandboxHosts: sandboxHosts.entries }).of({ guarded: published, clientMode });

/** Names the adapter's description. @throws Error when a stored application is of an adapter that is no more: a fault of ours. */
export function describedLogin({ adapter }: Pick<OauthApplicationRecord, 'adapter'>): AdapterDescription {
  const found = adapterDescriptions.find(({ name }) => name === adapter);
  if (found === undefined) throw new Error(`there is no adapter ${adapter} for the application`);
  return found;
}

/** True when each address is one that a connection of this client may call, and the guard lets it be called now. */
async function allowed(
  { sandboxHosts }: Pick<Deps, 'sandboxHosts'>,
  { addresses, clientMode }: { addresses: readonly string[] } & Pick<NetworkOwner, 'clientMode'>,
): Promise<boolean> {
  const guard = createNetworks({ sandboxHosts: sandboxHosts.entries }).guardOf({ guarded: true, clientMode });
  if (guard === null) return false;
  for (const address of addresses) {
    if (sandboxHosts.has(address) !== (clientMode === 'test')) return false;
    if (!(await checkEndpoint(guard, address)).ok) return false;
  }
  return true;
}

/**
 * Finds where a person logs in with an application: at the addresses that the operator has named, or at those that the FHIR server
 * publishes. Both published addresses pass the guard before the browser or a secret goes there.
 */
export async function findLoginServer(
  deps: Deps,
  { session: { clientMode }, stored }: { session: BrowserSession; stored: OauthApplicationRecord },
): Promise<ServerFound> {
  const { clientId, scopes, issuer, authorizeUrl, tokenUrl, baseUrl } = stored;
  const application = { clientId, clientSecret: openOauthSecret(deps.keyring, stored), scopes };
  const { login } = describedLogin(stored);
  if (login === undefined) return { outcome: 'no_logins' };
  if (authorizeUrl !== null && tokenUrl !== null) {
    const server = { authorizeUrl, tokenUrl, issuer, namesItself: false, clientAuth: login.clientAuth };
    return { outcome: 'found', server, application, published: false };
  }
  if (login.smart === undefined) return { outcome: 'no_logins' };
  const network = networkOf(deps, { published: true, clientMode });
  const found = await discoverSmart({ network }, { baseUrl, needs: login.smart });
  if (found.outcome !== 'found') return found;
  const server = { ...found.server, issuer: issuer ?? found.server.issuer };
  if (!(await allowed(deps, { addresses: [server.authorizeUrl, server.tokenUrl], clientMode })))
    return { outcome: 'address_refused' };
  return {
    outcome: 'found',
    server,
    application: scopes === '' ? { ...application, scopes: found.scopes } : application,
    published: true,
  };
}
