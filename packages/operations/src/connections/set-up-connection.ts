import type { ClientMode } from '@emr-payments/contracts';
import {
  type Actor,
  type ConnectionSetup,
  connectUserIn,
  type Database,
  findClientToConnect,
  findUser,
  hasRoomForLookUps,
  inTransaction,
  knowsTimeZone,
  type StoredCapability,
  saveBucketOf,
  saveConnectionIn,
  type Transaction,
} from '@emr-payments/db';
import {
  adapterDescriptions,
  canonicalAdapterName,
  isPlainHttp,
  type Networks,
  readBaseUrl,
} from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import { forgetReplacedLogins } from '../tokens/replaced-logins.ts';
import { bucketOf, checkingDeps, openingProblem } from './adapter-deps.ts';
import { credentialProblem, limitFieldOf, readAdapterSettings } from './adapter-fields.ts';
import { type AddressRefused, refusedAddress } from './check-addresses.ts';
import { checkConnection } from './check-connection.ts';
import { clientModeRule } from './client-mode.ts';
import { type FormerConnection, mayBeOtherPatients, patientRemarks } from './other-patients.ts';
import { seePractice } from './see-practice.ts';
import { tooSmall } from './set-limit.ts';
import { capabilityRead, capabilityUnread } from './stored-capability.ts';

type Deps = {
  database: Database;
  keyring: Keyring;
  sandboxHosts: SandboxHosts;
  /** Those of the process. Absent: made for this call. */
  networks?: Networks | undefined;
};

/** A new user of a client, or the user whose connection changes. */
export type ConnectionOwner = { clientId: string; name: string } | { publicId: string };

export type SetUpInput = Omit<
  ConnectionSetup,
  'adapter' | 'settings' | 'guarded' | 'bucket' | 'setsLimit'
> & {
  owner: ConnectionOwner;
  /** A present or former name of an adapter. Without one a user keeps the adapter of its present connection. */
  adapter: string | undefined;
  /** As text; the adapter's description gives each its type. */
  settings: Readonly<Record<string, string>>;
  /** False: a base URL that is neither https nor on this machine is refused. */
  allowPlainHttp: boolean;
  /** False: a connection of a user with which the patients of the last payments are not found is refused, if it is tried. */
  allowOtherPractice: boolean;
  /** False: the connection is saved without trying it. */
  check: boolean;
  /**
   * True where the addresses come from somebody else than an operator: each must be public and https, now and whenever it is connected to.
   */
  guarded: boolean;
  /**
   * True where an operator gives the settings: a limit of requests among them holds for all connections that share it. False: it changes
   * none that is stored.
   */
  setsLimits: boolean;
  by: Actor;
};

/** Notes for the operator about a connection that was saved: sentences, and names of entries that cannot be used. */
type Found = { remarks: readonly string[]; unusable: readonly string[] };

export type SetUpSaved =
  | ({ outcome: 'created'; publicId: string; accessToken: string } & Found)
  | ({ outcome: 'changed'; publicId: string } & Found);

/** Nothing was saved. */
export type SetUpRefusal =
  | { outcome: 'no_client' }
  | { outcome: 'no_user' }
  | { outcome: 'unknown_time_zone' }
  | { outcome: 'wrong_base_url'; reason: string }
  /** Credentials and patients' data could be read on the way to the EMR, and `allowPlainHttp` was not given. */
  | { outcome: 'plain_http'; address: 'base_url' | 'token_url' }
  /** A guarded connection may not call it, or its name does not resolve. */
  | AddressRefused
  /** A test client's connections go to sandboxes only, a live client's never to one. */
  | { outcome: 'wrong_host'; reason: string }
  /** None was given, and the user has no connection whose adapter it could keep. */
  | { outcome: 'no_adapter' }
  | { outcome: 'unknown_adapter'; adapter: string }
  | { outcome: 'wrong_settings'; reason: string }
  | { outcome: 'wrong_credentials'; reason: string }
  /** No call was made: the base URL, a setting or a credential has a form with which the adapter does not open. */
  | { outcome: 'cannot_open'; reason: string }
  /** The EMR could not be used as set up. */
  | { outcome: 'not_working'; reason: string }
  /** It works, and none of the patients to whom the last payments went is found with it. `allowOtherPractice` was not given. */
  | { outcome: 'other_practice' };

export type SetUpOutcome = SetUpSaved | SetUpRefusal;

/** A connection that may be saved, and was tried if that was wanted. */
export type PreparedConnection = {
  outcome: 'ready';
  /** Writes it, with its audit entry. To be called once. */
  save(tx: Transaction): Promise<SetUpSaved>;
  /** To be called after the commit: sets the limit that was given, and forgets what the former connection leaves behind. */
  saved(): Promise<void>;
};

type FoundOwner =
  | { clientPk: number; name: string; clientMode: ClientMode }
  /** `former`: the connection until now, as it is stored. */
  | { userId: number; publicId: string; former: FormerConnection | null; clientMode: ClientMode };

async function findOwner(
  { database }: Pick<Deps, 'database'>,
  owner: ConnectionOwner,
): Promise<FoundOwner | { outcome: 'no_client' | 'no_user' }> {
  if ('clientId' in owner) {
    const client = await findClientToConnect({ database }, owner);
    if (client === null) return { outcome: 'no_client' };
    return { clientPk: client.clientPk, name: owner.name, clientMode: client.mode };
  }
  const user = await findUser({ database }, owner);
  if (user === null) return { outcome: 'no_user' };
  const { id: userId, publicId, connection } = user;
  const clientMode = user.client.mode;
  if (connection === null) return { userId, publicId, former: null, clientMode };
  const { adapter, baseUrl, timeZone, credentials } = connection;
  const settings = connection.settings as Record<string, unknown>;
  const capability = connection.capabilityStatement as StoredCapability | null;
  const former = { userId, adapter, baseUrl, timeZone, credentials, settings, capability };
  return { userId, publicId, former, clientMode };
}

/**
 * Checks a connection that is to be made or changed, and tries it, which writes nothing in the EMR. It is refused when the client may not
 * have it, when the base URL, the time zone, the adapter, a setting or a credential is unknown, missing or refused by the adapter, when the
 * guard refuses an address, when the check fails, or when it is another practice's by its patients. The check's findings about the EMR are saved with the settings; without a check
 * these claim nothing that was not given.
 *
 * No transaction is open meanwhile: it calls the EMR.
 */
export async function prepareConnection(
  deps: Deps,
  input: SetUpInput,
): Promise<PreparedConnection | SetUpRefusal> {
  const { owner: given, check, allowPlainHttp, allowOtherPractice, setsLimits, by, ...setup } = input;
  const owner = await findOwner(deps, given);
  if ('outcome' in owner) return owner;
  if (!(await knowsTimeZone(deps, { timeZone: setup.timeZone }))) return { outcome: 'unknown_time_zone' };
  const refused = addressProblem(input);
  if (refused !== null) return refused;
  const name = input.adapter ?? ('userId' in owner ? owner.former?.adapter : undefined);
  if (name === undefined) return { outcome: 'no_adapter' };
  const canonical = canonicalAdapterName(name);
  const adapter = adapterDescriptions.find((one) => one.name === canonical);
  if (adapter === undefined) return { outcome: 'unknown_adapter', adapter: name };
  const read = readAdapterSettings(adapter, input.settings);
  if (!read.ok) return { outcome: 'wrong_settings', reason: read.reason };
  const problem = credentialProblem(adapter, input.credentials);
  if (problem !== null) return { outcome: 'wrong_credentials', reason: problem };
  const connection = { ...setup, adapter: adapter.name, settings: read.settings };
  const { clientMode } = owner;
  const opened = { ...connection, clientMode };
  const reason = clientModeRule(deps)(opened, input.credentials);
  if (reason !== null) return { outcome: 'wrong_host', reason: `${reason}.` };

  const adapterDeps = checkingDeps(deps, { givesCredentials: true });
  const cause = openingProblem(adapterDeps, opened);
  if (cause !== null) return { outcome: 'cannot_open', reason: cause };
  const guard = adapterDeps.networks.guardOf(opened);
  const refusedByGuard = guard === null ? null : await refusedAddress(guard, connection);
  if (refusedByGuard !== null) return refusedByGuard;
  const found = check
    ? // A new user has no row yet. The number is for caches of open adapters, which a check does not use.
      await checkConnection(adapterDeps, { ...opened, userId: 'userId' in owner ? owner.userId : 0 })
    : null;
  if (found?.ok === false) return { outcome: 'not_working', reason: found.reason };
  const capability = found === null ? capabilityUnread(adapter, read.settings) : capabilityRead(found);
  const settings = { ...read.settings, ...capability.settings };
  const bucket = bucketOf(adapterDeps, { ...opened, settings });
  const limitName = limitFieldOf(adapter)?.name ?? '';
  const setsLimit = setsLimits && Object.hasOwn(read.settings, limitName);
  if (setsLimit && bucket !== null && !hasRoomForLookUps(bucket.windows))
    return { outcome: 'wrong_settings', reason: tooSmall(limitName) };
  const former = 'userId' in owner ? owner.former : null;
  let otherPatients = false;
  if (former !== null) {
    const present = { ...opened, userId: former.userId, settings, statement: capability.statement };
    const isOther =
      found !== null &&
      (await seePractice({ database: deps.database, shared: adapterDeps }, present)) === 'other';
    if (isOther && !allowOtherPractice) return { outcome: 'other_practice' };
    const shared = { keyring: deps.keyring, shared: adapterDeps };
    otherPatients = isOther || mayBeOtherPatients(shared, { former, present });
  }
  // In the form of an application's, which finds its connections by it. The guard has judged what was given.
  const baseUrl = readBaseUrl(input.baseUrl);
  const saved = {
    ...connection,
    baseUrl,
    settings,
    capability,
    bucket,
    checked: found !== null,
    otherPatients,
  };
  const shown: Found =
    found === null
      ? { remarks: unreadRemarks(capability), unusable: [] }
      : { remarks: found.remarks, unusable: found.unusable };

  const bucketId = await saveBucketOf(deps, { bucket });
  return {
    outcome: 'ready',
    async save(tx) {
      const sealing = { ...tx, keyring: deps.keyring };
      if ('userId' in owner) {
        const { patients } = await saveConnectionIn(sealing, {
          ...saved,
          bucketId,
          userId: owner.userId,
          by,
        });
        const remarks = [...shown.remarks, ...patientRemarks(patients)];
        return { outcome: 'changed', publicId: owner.publicId, ...shown, remarks };
      }
      const { publicId, accessToken } = await connectUserIn(sealing, {
        ...saved,
        bucketId,
        clientPk: owner.clientPk,
        name: owner.name,
        by,
      });
      return { outcome: 'created', publicId, accessToken, ...shown };
    },
    async saved() {
      // Others share it, so it is not set for a connection that may not be saved, and no transaction holds its row (`setBucket`).
      if (setsLimit) await saveBucketOf(deps, { bucket, setsLimit });
      if (!('userId' in owner) || owner.former === null) return;
      const present = { ...connection, userId: owner.userId };
      await forgetReplacedLogins(deps, { former: owner.former, present });
    },
  };
}

/** Makes a user with its EMR connection, or replaces the connection of a user: what `prepareConnection` allows is saved at once. */
export async function setUpConnection(deps: Deps, input: SetUpInput): Promise<SetUpOutcome> {
  const prepared = await prepareConnection(deps, input);
  if (prepared.outcome !== 'ready') return prepared;
  const value = await inTransaction(deps, async (tx) => ({ commit: true, value: await prepared.save(tx) }));
  await prepared.saved();
  return value;
}

/** The check of the addresses is here and not with an adapter's, so that every adapter has it, also where the connection is not tried. */
function addressProblem({
  baseUrl,
  allowPlainHttp,
  credentials,
  settings,
}: SetUpInput): Extract<SetUpOutcome, { outcome: 'wrong_base_url' | 'plain_http' | 'cannot_open' }> | null {
  try {
    readBaseUrl(baseUrl);
  } catch (error) {
    return { outcome: 'wrong_base_url', reason: `${(error as Error).message}.` };
  }
  const isPlain = (url: string | undefined): boolean => url !== undefined && isPlainHttp(url);
  // Every adapter that gets tokens has its token URL under this name, in the credentials or the settings. One of the settings may be in
  // clear only where the base URL is: no adapter opens otherwise (`tokenUrlOf`).
  if (isPlain(settings.token_url) && !isPlain(baseUrl))
    return {
      outcome: 'cannot_open',
      reason: 'settings: token_url must be https: the credentials could be read on the way.',
    };
  if (allowPlainHttp) return null;
  if (isPlain(baseUrl)) return { outcome: 'plain_http', address: 'base_url' };
  return isPlain(credentials.token_url) ? { outcome: 'plain_http', address: 'token_url' } : null;
}

/** Says which settings were neither given nor read, and what is taken for them. */
function unreadRemarks({ settings }: StoredCapability): string[] {
  const taken = Object.entries(settings).map(([name, value]) => `${name}: ${value}`);
  if (taken.length === 0) return [];
  return [
    `Nothing was read from the EMR, so this is taken until \`user check\` reads it: ${taken.join(', ')}.`,
  ];
}
