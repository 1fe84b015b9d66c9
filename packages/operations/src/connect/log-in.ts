import { isDeepStrictEqual } from 'node:util';
import {
  type BrowserSession,
  beginConnectLogin,
  countConnectTry,
  type Database,
  holdConnectLogin,
  listOauthApplications,
  type OauthApplicationRecord,
  openOauthSecret,
  takeConnectLogin,
} from '@emr-payments/db';
import { beginLogin, credentialsOfLogin, finishLogin, type LoginFinished } from '@emr-payments/emr';
import { openLogin, sealLogin } from './held-login.ts';
import { describedLogin, findLoginServer, networkOf, type ServerFound } from './login-server.ts';
import { type ConnectDeps, showSession } from './show-session.ts';

type Which = { adapter: string; baseUrl: string };

export type LogInOutcome =
  /** The address to which the browser goes. */
  | { outcome: 'begun'; location: string }
  /** The operator has no application for this EMR. */
  | { outcome: 'no_application' }
  | { outcome: 'too_many_tries' }
  | { outcome: 'over' }
  | Exclude<ServerFound, { outcome: 'found' }>;

/** The part of an application that must not change while a login is under way. Its secret may: it is rotated. */
const sameFor = ({ clientId, authorizeUrl, tokenUrl }: OauthApplicationRecord) => ({
  clientId,
  authorizeUrl,
  tokenUrl,
});

/** Finds the application of an adapter at a base URL, as it is stored; null when there is none. */
export async function findApplication(
  deps: { database: Database },
  { adapter, baseUrl }: Which,
): Promise<OauthApplicationRecord | null> {
  const all = await listOauthApplications(deps);
  return all.find((one) => one.adapter === adapter && one.baseUrl === baseUrl) ?? null;
}

/**
 * Begins a login at an EMR with the operator's application, if the session offers it: a test client's link leads to sandboxes only, and a
 * renewal to its own EMR. The session remembers it, with the server at which it is, until the browser comes back.
 */
export async function logIn(
  deps: ConnectDeps,
  { session, which, redirectUri }: { session: BrowserSession; which: Which; redirectUri: string },
): Promise<LogInOutcome> {
  const { id } = session;
  const { choices } = await showSession(deps, session);
  const isOffered = choices.some(
    ({ way, adapter, baseUrl }) => way === 'login' && adapter === which.adapter && baseUrl === which.baseUrl,
  );
  const stored = isOffered ? await findApplication(deps, which) : null;
  if (stored === null) return { outcome: 'no_application' };
  const { adapter, baseUrl } = stored;
  // What is published is read by a call to the EMR.
  if (stored.authorizeUrl === null && !(await countConnectTry(deps, { id })))
    return { outcome: 'too_many_tries' };
  const found = await findLoginServer(deps, { session, stored });
  if (found.outcome !== 'found') return found;
  const { server, application, published } = found;
  const audience = describedLogin(stored).login?.smart === undefined ? null : baseUrl;
  const { location, state, verifier } = await beginLogin({ server, application, redirectUri, audience });
  const under = {
    kind: 'under_way',
    adapter,
    baseUrl,
    verifier,
    server,
    published,
    application: sameFor(stored),
  } as const;
  const begun = await beginConnectLogin(deps, { id, state, held: sealLogin(deps.keyring, id, under) });
  return begun ? { outcome: 'begun', location } : { outcome: 'over' };
}

export type LoggedInOutcome =
  | { outcome: 'logged_in' }
  /** The session waits for no return with this state: it came before, or belongs to another session. */
  | { outcome: 'not_expected' }
  | { outcome: 'no_application' }
  | { outcome: 'too_many_tries' }
  | { outcome: 'over' }
  | Exclude<LoginFinished, { outcome: 'logged_in' }>;

/**
 * Ends a login when the browser comes back from the EMR. Each state is taken once, before anything is sent: a repeated return gets
 * nothing. The code goes to the token endpoint of the server at which the login began, whatever the EMR publishes by now. What the login
 * gave stays in the session, sealed.
 *
 * @param input.parameters the query of the return.
 */
export async function loggedIn(
  deps: ConnectDeps,
  {
    session,
    parameters,
    redirectUri,
  }: { session: BrowserSession; parameters: URLSearchParams; redirectUri: string },
): Promise<LoggedInOutcome> {
  const { id, clientMode } = session;
  const [state, ...more] = parameters.getAll('state');
  if (state === undefined || more.length > 0) return { outcome: 'not_expected' };
  const sealed = await takeConnectLogin(deps, { id, state });
  if (sealed === null) return { outcome: 'not_expected' };
  const held = openLogin(deps.keyring, id, sealed);
  if (held?.kind !== 'under_way') return { outcome: 'not_expected' };
  const stored = await findApplication(deps, held);
  if (stored === null || !isDeepStrictEqual(sameFor(stored), held.application)) {
    await holdConnectLogin(deps, { id, held: null, state });
    return { outcome: 'no_application' };
  }
  // An exchange is a call with the operator's credentials: without a limit, who has a link could use up the application's own at the EMR.
  if (!(await countConnectTry(deps, { id }))) {
    await holdConnectLogin(deps, { id, held: null, state });
    return { outcome: 'too_many_tries' };
  }
  const { verifier, server, published } = held;
  const { clientId, scopes } = stored;
  const application = { clientId, clientSecret: openOauthSecret(deps.keyring, stored), scopes };
  const finished = await finishLogin(
    { network: networkOf(deps, { published, clientMode }) },
    { server, application, parameters, state, verifier, redirectUri },
  );
  if (finished.outcome !== 'logged_in') {
    await holdConnectLogin(deps, { id, held: null, state });
    return finished;
  }
  const { adapter, baseUrl } = stored;
  const { refreshToken } = finished;
  const credentials = credentialsOfLogin(describedLogin(stored), { application, server, refreshToken });
  const kept = sealLogin(deps.keyring, id, { kind: 'logged_in', adapter, baseUrl, credentials, published });
  const isHeld = await holdConnectLogin(deps, { id, held: kept, state });
  return { outcome: isHeld ? 'logged_in' : 'over' };
}
