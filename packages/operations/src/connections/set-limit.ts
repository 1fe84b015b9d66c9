import {
  type Actor,
  type Bucket,
  type Database,
  findUser,
  hasRoomForLookUps,
  inTransaction,
  openCredentials,
  recordAudit,
  saveBucketOf,
} from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName, type SettingValues } from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import { bucketOf, checkingDeps, openingProblem } from './adapter-deps.ts';
import { limitFieldOf, readAdapterSettings } from './adapter-fields.ts';

export type SetLimitOutcome =
  /** These hold from now on for all connections that share the limit. */
  | { outcome: 'set'; key: string; windows: Bucket['windows'] }
  | { outcome: 'no_user' }
  | { outcome: 'no_connection' }
  /** No key of the keyring opens the credentials. */
  | { outcome: 'sealed' }
  /** The connection falls under no limit: its adapter has none, or its own settings switch it off. */
  | { outcome: 'no_limit'; adapter: string }
  | { outcome: 'wrong_setting'; reason: string };

const wrong = (reason: string): SetLimitOutcome => ({ outcome: 'wrong_setting', reason });

/**
 * Sets the vendor's limit of requests under which the connection of a user falls, for all connections that share it, and leaves the
 * connections themselves as they are: nobody has to know the credentials of one, which may come from the login of a person.
 *
 * @param input.setting the setting of the adapter that says the limit, as text.
 */
export async function setLimit(
  deps: { database: Database; keyring: Keyring; sandboxHosts: SandboxHosts },
  { publicId, setting, by }: { publicId: string; setting: Readonly<Record<string, string>>; by: Actor },
): Promise<SetLimitOutcome> {
  const { database, keyring } = deps;
  const user = await findUser({ database }, { publicId });
  if (user === null) return { outcome: 'no_user' };
  const { connection } = user;
  if (connection === null) return { outcome: 'no_connection' };
  const { baseUrl, timeZone, guarded } = connection;
  const name = canonicalAdapterName(connection.adapter);
  const adapter = adapterDescriptions.find((one) => one.name === name);
  const field = adapter === undefined ? null : limitFieldOf(adapter);
  if (adapter === undefined || field === null) return { outcome: 'no_limit', adapter: connection.adapter };
  if (Object.keys(setting).join() !== field.name)
    return wrong(`The limit of the adapter ${adapter.name} is said by ${field.name} (${field.description}).`);
  let credentials: Record<string, string>;
  try {
    credentials = openCredentials(keyring, { userId: user.id, credentials: connection.credentials });
  } catch {
    return { outcome: 'sealed' };
  }
  const stored = connection.settings as SettingValues;
  const read = readAdapterSettings(adapter, { ...textsOf(stored), ...setting });
  if (!read.ok) return wrong(read.reason);
  const adapterDeps = checkingDeps(deps, { givesCredentials: false });
  const opened = {
    adapter: adapter.name,
    baseUrl,
    timeZone,
    guarded,
    credentials,
    clientMode: user.client.mode,
  };
  if (bucketOf(adapterDeps, { ...opened, settings: stored }) === null)
    return { outcome: 'no_limit', adapter: adapter.name };
  const changed = { ...opened, settings: read.settings };
  const problem = openingProblem(adapterDeps, changed);
  if (problem !== null) return wrong(problem);
  const bucket = bucketOf(adapterDeps, changed);
  if (bucket === null)
    return wrong(
      `${field.name}: 0 switches the limit off for one connection only: give it with user connect.`,
    );
  if (!hasRoomForLookUps(bucket.windows)) return wrong(tooSmall(field.name));
  const detail = { [field.name]: read.settings[field.name] ?? null };
  await inTransaction({ database }, async (tx) => {
    await saveBucketOf(tx, { bucket, setsLimit: true });
    await recordAudit(tx, {
      ...by,
      action: 'user.limit',
      subject: `user:${publicId}`,
      outcome: 'done',
      detail,
    });
    return { commit: true, value: undefined };
  });
  return { outcome: 'set', key: bucket.key, windows: bucket.windows };
}

/** Says why a limit is not set. */
export const tooSmall = (setting: string): string =>
  `${setting}: with so few requests, more than a minute apart, a payment whose answer was lost could never be looked up. Give more.`;

const textsOf = (settings: SettingValues): Record<string, string> =>
  Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]));
