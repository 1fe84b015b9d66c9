import {
  type BrokenConnection,
  type Database,
  findLatestSync,
  findUser,
  listBrokenConnections,
  readHealth,
  type StoredHealth,
  type SyncRunRecord,
} from '@emr-payments/db';
import { type ConnectionDescription, usesPlainHttp } from '@emr-payments/emr';
import { ConfigError, type Keyring } from '@emr-payments/runtime';
import { describeConnection } from '../connections/describe-connection.ts';
import { type LoginState, loginOf } from '../tokens/login-state.ts';

/** A user as it is stored. */
export type FoundUser = NonNullable<Awaited<ReturnType<typeof findUser>>>;

export type ShownConnection = {
  stored: NonNullable<FoundUser['connection']>;
  login: LoginState;
  /** True: what is sent to the EMR can be read on the way. */
  plainHttp: boolean;
  /** null: the connection cannot be opened here. */
  described: ConnectionDescription | null;
  /** The last sync; null when there was none. */
  sync: SyncRunRecord | null;
};

export type ShownUser = {
  user: FoundUser;
  connection: ShownConnection | null;
  /** null: no exchange with the EMR is known. */
  health: StoredHealth | null;
  /** Present while the connection is broken: what waits for it. */
  broken: BrokenConnection | undefined;
};

type Deps = {
  database: Database;
  /** Without a keyring nobody can know how a login is. @throws ConfigError */
  readKeyring: () => Keyring;
};

/** Reads how the login is; without a keyring nobody can know which one it is. */
async function stateOf(
  { database, readKeyring }: Deps,
  connection: Parameters<typeof loginOf>[1],
): Promise<LoginState> {
  try {
    return await loginOf({ database, keyring: readKeyring() }, connection);
  } catch (error) {
    if (error instanceof ConfigError) return 'unknown';
    throw error;
  }
}

/** Shows a user with its EMR connection, without the credentials; null when there is no such user. No call is made to the EMR. */
export async function showUser(deps: Deps, { publicId }: { publicId: string }): Promise<ShownUser | null> {
  const user = await findUser(deps, { publicId });
  if (user === null) return null;
  const { connection: stored } = user;
  const health = await readHealth(deps, { userId: user.id });
  const [broken] = await listBrokenConnections(deps, { userId: user.id });
  if (stored === null) return { user, connection: null, health, broken };
  const { userId, adapter, baseUrl, timeZone, credentials } = stored;
  const settings = stored.settings as Record<string, unknown>;
  const opened = { userId, adapter, baseUrl, timeZone, credentials, settings };
  return {
    user,
    health,
    broken,
    connection: {
      stored,
      login: await stateOf(deps, opened),
      plainHttp: usesPlainHttp({ baseUrl, settings }),
      described: describeConnection(deps, opened),
      sync: await findLatestSync(deps, { userId }),
    },
  };
}
