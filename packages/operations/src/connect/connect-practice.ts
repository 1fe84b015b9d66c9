import {
  type Actor,
  type BrowserSession,
  countConnectTry,
  findUser,
  inTransaction,
  isConnectionAsSeen,
  isSecretAsSeen,
  type OauthApplicationRecord,
  openOauthSecret,
  recordAudit,
} from '@emr-payments/db';
import {
  type PreparedConnection,
  prepareConnection,
  type SetUpInput,
  type SetUpRefusal,
} from '../connections/set-up-connection.ts';
import { givenSettings } from '../connections/stored-capability.ts';
import type { Choice } from './choices.ts';
import { endSession } from './end-session.ts';
import { isLoginOf, type LoggedIn, openLogin } from './held-login.ts';
import { findApplication } from './log-in.ts';
import { plainReason } from './plain-reason.ts';
import { type ConnectDeps, showSession } from './show-session.ts';

export type PracticeInput = {
  session: BrowserSession;
  adapter: string;
  /** By what `loggedIn` gave, or by what the person types. */
  way: Choice['way'];
  /** Not for a login at the EMR, nor for the renewal of one: there it is known. */
  baseUrl: string | null;
  /** The practice's name; null for a renewal. */
  name: string | null;
  timeZone: string;
  credentials: Readonly<Record<string, string>>;
  settings: Readonly<Record<string, string>>;
  /** The person has seen that the login may be another practice's, and goes on. */
  otherPracticeIsRight: boolean;
  by: Actor;
};

export type PracticeOutcome =
  | { outcome: 'connected'; userPublicId: string }
  /** Our own words; `field` is the one to correct, if it is one. */
  | { outcome: 'refused'; field: 'base_url' | 'time_zone' | 'name' | null; reason: string }
  | { outcome: 'other_practice' }
  | { outcome: 'too_many_tries' }
  | { outcome: 'over' };

type SetUp = Omit<
  SetUpInput,
  'by' | 'timeZone' | 'check' | 'allowPlainHttp' | 'allowOtherPractice' | 'setsLimits'
>;
type Planned = {
  setUp: SetUp;
  /** The connection as it was read; null: the session makes a user. */
  renewed: { userId: number; seenAt: Date } | null;
  /** The application of the login, as it was read; null: the person types the credentials. */
  application: OauthApplicationRecord | null;
};
type Refused = Extract<PracticeOutcome, { outcome: 'refused' }>;

const LOG_IN = 'Load this page again, and log in at the EMR or choose another one.';
const CHANGED_MEANWHILE = 'The connection was changed while the login was tried. Try again.';

/** Postings to one EMR at once, as the command line has it. */
const CONCURRENCY = 4;

const refused = (reason: string, field: Refused['field'] = null): Refused => ({
  outcome: 'refused',
  field,
  reason,
});

/**
 * Gives the credentials of a login the secret that its application has now: it can have been replaced since, and a connection that is saved with
 * the former one would not be found by the next replacement (`replaceApplicationSecret`).
 *
 * @returns null when the application is another one by now: the login is worth nothing, and its secret does not belong there.
 */
async function withPresentSecret(
  deps: ConnectDeps,
  login: LoggedIn,
): Promise<{ credentials: LoggedIn['credentials']; application: OauthApplicationRecord } | null> {
  const application = await findApplication(deps, login);
  if (application === null || !isLoginOf(application, login)) return null;
  const client_secret = openOauthSecret(deps.keyring, application);
  return { credentials: { ...login.credentials, client_secret }, application };
}

/** Puts together what is set up: of a renewal, only the credentials are the person's; of a login, all but credentials and address. */
async function setUpOf(deps: ConnectDeps, input: PracticeInput): Promise<Planned | Refused> {
  const { session, adapter, way } = input;
  const { choices, loggedIn } = await showSession(deps, session);
  const choice = choices.find(
    (one) =>
      one.adapter === adapter &&
      one.way === way &&
      (way === 'credentials' || (loggedIn?.adapter === adapter && one.baseUrl === loggedIn.baseUrl)),
  );
  if (choice === undefined) return refused(LOG_IN);
  const hidden = Object.keys(input.settings).find(
    (name) => !choice.settings.some((setting) => setting.name === name),
  );
  if (hidden !== undefined) return refused(`The setting ${hidden} is not one that this page asks for.`);
  const held =
    choice.way === 'login' && session.held !== null
      ? openLogin(deps.keyring, session.id, session.held)
      : null;
  const login = held?.kind === 'logged_in' ? held : null;
  const present = login === null ? null : await withPresentSecret(deps, login);
  if (login !== null && present === null) return refused(LOG_IN);
  const credentials = present?.credentials ?? input.credentials;
  const application = present?.application ?? null;

  if (session.renews && session.userPublicId !== null) {
    const user = await findUser(deps, { publicId: session.userPublicId });
    if (user?.connection == null) return refused('This practice has no connection that could be renewed.');
    const { connection } = user;
    const texts = Object.entries(givenSettings(connection)).map(([name, value]) => [name, String(value)]);
    const { concurrency, ratePerSecond } = connection.lane;
    const setUp: SetUp = {
      owner: { publicId: session.userPublicId },
      adapter,
      baseUrl: connection.baseUrl,
      credentials,
      settings: Object.fromEntries(texts),
      concurrency,
      ratePerSecond: ratePerSecond === null ? undefined : Number(ratePerSecond),
      // An operator may have allowed an address of the practice's own network, which stays, or named it for the login; one that the person
      // types, or that the EMR publishes, is guarded.
      guarded:
        connection.guarded ||
        (login?.published ?? Object.keys(credentials).some((name) => name.endsWith('_url'))),
    };
    return { setUp, renewed: { userId: user.id, seenAt: connection.updatedAt }, application };
  }
  const baseUrl = choice.way === 'login' ? choice.baseUrl : input.baseUrl;
  if (baseUrl === null) return refused("The EMR's address is missing.", 'base_url');
  if (input.name === null) return refused("The practice's name is missing.", 'name');
  const setUp: SetUp = {
    owner: { clientId: session.clientId, name: input.name },
    adapter,
    baseUrl,
    credentials,
    settings: input.settings,
    concurrency: CONCURRENCY,
    guarded: true,
  };
  return { setUp, renewed: null, application };
}

/** Puts an outcome of the set-up into words for a person at a practice. */
function outcomeOf(result: SetUpRefusal): PracticeOutcome {
  switch (result.outcome) {
    case 'no_client':
    case 'no_user':
      return { outcome: 'over' };
    case 'unknown_time_zone':
      return refused('This time zone is not known here. Choose another one of the list.', 'time_zone');
    case 'wrong_base_url':
      return refused(`The address cannot be used: ${result.reason}`, 'base_url');
    case 'plain_http':
      return refused(
        'The address must begin with https: what is sent there could be read on the way.',
        result.address === 'base_url' ? 'base_url' : null,
      );
    case 'address_refused':
      return refused(result.reason, result.address === 'base_url' ? 'base_url' : null);
    case 'wrong_host':
      return refused(
        'This address is not one that can be connected with this link. Ask who sent it to you for help.',
        'base_url',
      );
    case 'no_adapter':
    case 'unknown_adapter':
      return refused('This EMR is not known here. Choose one of the list.');
    case 'wrong_settings':
    case 'wrong_credentials':
    case 'cannot_open':
      return refused(result.reason);
    case 'not_working':
      return refused(plainReason(result.reason));
    case 'other_practice':
      return result;
  }
}

/** Saves what was prepared, and ends the session, in one commit. */
async function saveIn(
  deps: ConnectDeps,
  {
    session,
    prepared,
    renewed,
    application,
  }: { session: BrowserSession; prepared: PreparedConnection } & Omit<Planned, 'setUp'>,
): Promise<PracticeOutcome> {
  const saved = await inTransaction<PracticeOutcome>(deps, async (tx) => {
    // Before the user, as a replacement of the secret locks them.
    if (application !== null && !(await isSecretAsSeen(tx, application)))
      return { commit: false, value: refused(CHANGED_MEANWHILE) };
    if (renewed !== null && !(await isConnectionAsSeen(tx, renewed)))
      return { commit: false, value: refused(CHANGED_MEANWHILE) };
    const { publicId } = await prepared.save(tx);
    const commit = await endSession(tx, { session, userPublicId: publicId });
    return { commit, value: commit ? { outcome: 'connected', userPublicId: publicId } : { outcome: 'over' } };
  });
  if (saved.outcome === 'connected') await prepared.saved();
  return saved;
}

/**
 * Connects a practice from the connect page, or renews the login of one: tries the connection, saves it, and ends the session with the
 * event `user.connected`, in one commit. The addresses that a person types are guarded. Nothing is saved when anything is refused.
 */
export async function connectPractice(deps: ConnectDeps, input: PracticeInput): Promise<PracticeOutcome> {
  const { session, timeZone, by } = input;
  if (session.state !== 'open') return { outcome: 'over' };
  const planned = await setUpOf(deps, input);
  if ('outcome' in planned) return planned;
  const { setUp, ...seen } = planned;
  if (!(await countConnectTry(deps, { id: session.id }))) return { outcome: 'too_many_tries' };
  const result = await prepareConnection(deps, {
    ...setUp,
    timeZone,
    check: true,
    // An address that an operator has allowed in clear, which the renewal keeps. None that a person types.
    allowPlainHttp: !setUp.guarded,
    allowOtherPractice: input.otherPracticeIsRight,
    setsLimits: false,
    by,
  });
  if (result.outcome === 'ready') return saveIn(deps, { session, prepared: result, ...seen });
  const refusal = outcomeOf(result);
  if (refusal.outcome === 'refused')
    await recordAudit(deps, {
      ...by,
      action: 'connect_session.connect',
      subject: `connect_session:${session.id}`,
      outcome: 'failed',
      detail: { adapter: setUp.adapter ?? null, code: result.outcome },
    });
  return refusal;
}
