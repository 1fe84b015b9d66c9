import { openCredentials } from '@emr-payments/db';
import {
  type ConnectionDescription,
  type EmrConnection,
  localAdapterDeps,
  openAdapter,
} from '@emr-payments/emr';
import type { Keyring } from '@emr-payments/runtime';

/**
 * Describes what becomes of a payment over a stored connection, without a request to the EMR.
 *
 * @returns null when the connection cannot be opened: there is no key that opens its credentials, or its settings cannot be used.
 */
export function describeConnection(
  { readKeyring }: { readKeyring: () => Keyring },
  connection: Omit<EmrConnection, 'credentials'> & { credentials: string | null },
): ConnectionDescription | null {
  try {
    const credentials = openCredentials(readKeyring(), connection);
    return openAdapter({ ...connection, credentials }, localAdapterDeps()).describe();
  } catch {
    return null;
  }
}
