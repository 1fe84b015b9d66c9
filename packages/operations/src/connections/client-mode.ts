import type { ClientMode } from '@emr-payments/contracts';
import { type EmrConnection, tokenUrlsOf } from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';

type Addressed = Omit<EmrConnection, 'userId' | 'credentials'> & { clientMode: ClientMode };

type Credentials = EmrConnection['credentials'];

/** Where the connection's tokens come from, a place that follows from the base URL included. One that cannot be opened calls nobody. */
function tokenUrls(connection: Addressed, credentials: Credentials): string[] {
  try {
    return tokenUrlsOf({ ...connection, credentials, userId: 0 });
  } catch {
    return [];
  }
}

/**
 * Lists every address that a connection calls, by its name. Other URLs among the settings, such as those of FHIR extensions, are
 * identifiers and are not called.
 */
function addressesOf(connection: Addressed, credentials: Credentials): [string, string][] {
  const { baseUrl, settings } = connection;
  const given = [settings.token_url, credentials.token_url].filter((url) => typeof url === 'string');
  const tokens = [...given, ...tokenUrls(connection, credentials)];
  return [['base_url', baseUrl], ...tokens.map((url) => ['token_url', url] satisfies [string, string])];
}

/**
 * Makes the one rule of test and live clients: connections of a test client's users go to sandboxes only, those of a live client's
 * never to one. It holds when a connection is saved, and again when a process opens it, because the list of sandboxes may have changed.
 *
 * @returns a function that says why a connection is refused, as a part of a sentence for the operator; null when it is not.
 */
export function clientModeRule({ sandboxHosts }: { sandboxHosts: SandboxHosts }) {
  return (connection: Addressed, credentials: Credentials): string | null => {
    const { clientMode: mode } = connection;
    const found = addressesOf(connection, credentials).find(
      ([, url]) => sandboxHosts.has(url) !== (mode === 'test'),
    );
    if (found === undefined) return null;
    const [name] = found;
    return mode === 'test'
      ? `the client is a test client, and the host of ${name} is not in SANDBOX_HOSTS: connect a sandbox, or a user of a live client`
      : `the client is live, and the host of ${name} is in SANDBOX_HOSTS: connect a user of a test client (client create --mode test)`;
  };
}
