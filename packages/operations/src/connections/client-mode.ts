import type { ClientMode } from '@emr-payments/contracts';
import type { SandboxHosts } from '@emr-payments/outbound';

type Addressed = {
  clientMode: ClientMode;
  baseUrl: string;
  settings: Readonly<Record<string, unknown>>;
};

type Credentials = Readonly<Record<string, string>>;

/** Lists every address of a connection by its name: the base URL, and each credential or setting that is called `…_url`. */
function addressesOf({ baseUrl, settings }: Addressed, credentials: Credentials): [string, string][] {
  const others = Object.entries({ ...settings, ...credentials }).flatMap(([name, value]) =>
    name.endsWith('_url') && typeof value === 'string' ? [[name, value] satisfies [string, string]] : [],
  );
  return [['base_url', baseUrl], ...others];
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
