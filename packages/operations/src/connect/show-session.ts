import {
  type BrowserSession,
  type Database,
  findUser,
  listOauthApplications,
  type OauthApplicationRecord,
} from '@emr-payments/db';
import { adapterDescriptions, canonicalAdapterName } from '@emr-payments/emr';
import type { SandboxHosts } from '@emr-payments/outbound';
import type { Keyring } from '@emr-payments/runtime';
import { type Choice, listChoices } from './choices.ts';
import { isLoginOf, openLogin } from './held-login.ts';

/** A session as the connect page shows it. No secret is in it. */
export type ShownSession = {
  id: string;
  state: BrowserSession['state'];
  /** Who made the link. */
  clientName: string;
  expiresAt: Date;
  returnUrl: string;
  choices: readonly Choice[];
  /** The user whose login is renewed; null: a practice connects for the first time. */
  renews: { name: string; timeZone: string } | null;
  /** The login that was made at an EMR, and waits for the rest. */
  loggedIn: { adapter: string; baseUrl: string } | null;
};

/** `sandboxHosts`: logins of test clients are at these, those of live ones never. */
export type ConnectDeps = { database: Database; keyring: Keyring; sandboxHosts: SandboxHosts };

/** Finds the ways by which the login of a user can be renewed: those of its EMR, at its address. */
function renewalsOf(
  choices: readonly Choice[],
  { adapter, baseUrl }: { adapter: string; baseUrl: string },
): Choice[] {
  const own = choices.filter((choice) => choice.adapter === canonicalAdapterName(adapter));
  const at = baseUrl.replace(/\/+$/, '');
  // Settings stay as they are, and the address is not the person's to change.
  return own
    .filter(({ way, baseUrl: there }) => way === 'credentials' || there === at)
    .map((choice) => ({ ...choice, baseUrl: at, settings: [] }));
}

/** With another application than the login was made with, the person has to log in again. */
function loginOf(
  keyring: Keyring,
  { id, held }: BrowserSession,
  applications: readonly OauthApplicationRecord[],
): ShownSession['loggedIn'] {
  if (held === null) return null;
  const login = openLogin(keyring, id, held);
  if (login?.kind !== 'logged_in' || !applications.some((one) => isLoginOf(one, login))) return null;
  return { adapter: login.adapter, baseUrl: login.baseUrl };
}

/** Reads what the page shows: the ways to connect, and how far the session has come. */
export async function showSession(
  { database, keyring, sandboxHosts }: ConnectDeps,
  session: BrowserSession,
): Promise<ShownSession> {
  const { id, state, clientName, expiresAt, returnUrl } = session;
  const applications = (await listOauthApplications({ database })).filter(
    ({ baseUrl }) => sandboxHosts.has(baseUrl) === (session.clientMode === 'test'),
  );
  const all = listChoices(adapterDescriptions, applications);
  const user =
    session.renews && session.userPublicId !== null
      ? await findUser({ database }, { publicId: session.userPublicId })
      : null;
  const connection = user?.connection ?? null;
  const mine =
    connection === null
      ? all.filter(({ adapter }) => session.adapter === null || adapter === session.adapter)
      : renewalsOf(all, connection);
  return {
    id,
    state,
    clientName,
    expiresAt,
    returnUrl,
    choices: state === 'open' ? mine : [],
    renews: user === null || connection === null ? null : { name: user.name, timeZone: connection.timeZone },
    loggedIn: state === 'open' ? loginOf(keyring, session, applications) : null,
  };
}
