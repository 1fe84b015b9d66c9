import {
  type Actor,
  type Database,
  type Exchange,
  findUser,
  noteExchange,
  openCredentials,
  saveCapability,
} from '@emr-payments/db';
import {
  type Capability,
  type ConnectionDescription,
  exchangeOf,
  type Networks,
  type SettingValues,
} from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import { checkingDeps } from './adapter-deps.ts';
import { type CheckedConnection, checkConnection } from './check-connection.ts';
import { clientModeRule } from './client-mode.ts';
import { capabilityRead, changesOf, givenSettings, isStored } from './stored-capability.ts';

export type UserCheckOutcome =
  | {
      outcome: 'works';
      /** How many names a payment may give; null where the EMR has no such list, and every name is taken. */
      methods: number | null;
      locations: number | null;
      unusable: readonly string[];
      /** How a lost answer is resolved from now on. */
      capability: Capability;
      /** The EMR's treatment of payments from now on. */
      described: ConnectionDescription;
      remarks: readonly string[];
      /** The settings that the EMR now states otherwise, each as `name: before → after`. */
      changed: readonly string[];
    }
  | { outcome: 'not_working'; reason: string }
  /** The connection was replaced while it was checked: nothing was stored. */
  | { outcome: 'replaced' }
  /** No key of the keyring opens the credentials. */
  | { outcome: 'sealed' }
  | { outcome: 'no_connection' }
  | { outcome: 'no_user' };

/** What the check says about the connection. */
function exchangeIn(checked: CheckedConnection): Exchange {
  if (checked.ok) return { kind: 'answered' };
  return checked.trouble === null ? { kind: 'none' } : exchangeOf(checked.trouble);
}

/**
 * Tries a user's stored connection, without writing anything in the EMR, and stores what the EMR says about itself where that is
 * not what is stored: settings that the operator gave stay as they are.
 */
export async function checkUserConnection(
  deps: { database: Database; keyring: Keyring; sandboxHosts: SandboxHosts; networks?: Networks },
  { publicId, by }: { publicId: string; by: Actor },
): Promise<UserCheckOutcome> {
  const { database, keyring } = deps;
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  if (user.connection === null) return { outcome: 'no_connection' };
  const { connection } = user;
  const { adapter, baseUrl, timeZone, guarded } = connection;
  let credentials: Record<string, string>;
  try {
    credentials = openCredentials(keyring, { userId: user.id, credentials: connection.credentials });
  } catch {
    return { outcome: 'sealed' };
  }
  const given = givenSettings(connection);
  const clientMode = user.client.mode;
  const refused = clientModeRule(deps)(
    { adapter, clientMode, baseUrl, timeZone, settings: given },
    credentials,
  );
  if (refused !== null) return { outcome: 'not_working', reason: `${refused}.` };
  const beganAt = performance.now();
  const checked = await checkConnection(checkingDeps(deps, { givesCredentials: false }), {
    userId: user.id,
    adapter,
    baseUrl,
    timeZone,
    guarded,
    clientMode,
    credentials,
    settings: given,
  });
  const exchange = exchangeIn(checked);
  // An operator's check is made also while a broken login stops the connection; an answer ends the outage.
  await noteExchange(
    { database },
    {
      connection: { userId: user.id, version: connection.updatedAt.toISOString() },
      exchange,
      subject: 'other',
      agoMs: performance.now() - beganAt,
    },
  );
  if (!checked.ok) return { outcome: 'not_working', reason: checked.reason };

  const capability = capabilityRead(checked);
  const settings = { ...given, ...checked.settings };
  if (!isStored(connection, capability)) {
    const input = { userId: user.id, publicId, checkedAt: connection.updatedAt, settings, capability, by };
    if (!(await saveCapability({ database }, input))) return { outcome: 'replaced' };
  }
  const { methods, locations, unusable, remarks } = checked;
  return {
    outcome: 'works',
    methods,
    locations,
    unusable,
    capability: checked.capability,
    described: checked.described,
    remarks,
    changed: changesOf(connection.settings as SettingValues, settings),
  };
}
