import { type OurSentence, sentence } from '@emr-payments/contracts';
import { type Database, findConnection } from '@emr-payments/db';
import type { EmrAdapter, PatientTrouble } from '@emr-payments/emr';
import { LateError, ShareExceededError, type Shares } from '@emr-payments/runtime';
import { noteAsked, whyStopped } from '../connection/gate-and-note.ts';
import type { AdaptersOf } from '../connection/late-adapters.ts';
import type { RememberedNoes } from './remembered-noes.ts';

/** A "no": the EMR has given one, or it cannot be asked and never will be, as the connection is set up. */
export type No = {
  cause: 'none' | 'several' | 'closed' | 'remembered' | 'no_search' | 'switched_off' | 'no_connection';
  reason?: OurSentence;
};

/** Nothing is known of the patient. */
export type DontKnow = {
  cause:
    | 'unusable'
    | 'login_required'
    | 'limit_used_up'
    | 'timeout'
    | 'busy'
    | 'emr_trouble'
    | 'replaced'
    | 'database'
    | 'our_fault';
  reason: OurSentence;
  retryAfterMs?: number;
};

export type PatientAnswer =
  | { cause: 'found'; emrPatientId: string; connectionVersion: string }
  | No
  | DontKnow;

export type AskDeps = {
  database: Pick<Database, 'pool'>;
  adapters: AdaptersOf;
  /** The share of each client in the requests that wait for an EMR. */
  emrShares: Shares;
  /** The share of each connection in the look-ups. */
  places: Shares;
  noes: RememberedNoes;
};

const UNUSABLE = sentence`The practice's EMR connection cannot be used as it is set up; the person who connected it has to correct it.`;
const LOGIN = sentence`The practice's EMR rejects the login of its connection; a person has to log in again.`;
export const NOT_IN_TIME = sentence`It did not answer in time.`;
const BUSY = sentence`Too many patients of this practice are being looked up.`;

/** Until a person has mended a connection nothing changes. */
const MENDED_MS = 60_000;

/**
 * Asks the EMR of a user once which patient has an MRN. Nothing is written.
 *
 * @param input.signal ends the wait for a place, and the call.
 * @throws DatabaseUnavailableError when the connection cannot be read.
 */
export async function askForPatient(
  deps: AskDeps,
  { clientPk, userId, mrn, signal }: { clientPk: number; userId: number; mrn: string; signal: AbortSignal },
): Promise<PatientAnswer> {
  const connection = await findConnection(deps, { userId });
  if (connection === null) return { cause: 'no_connection' };
  // Before the dialects are loaded: an installation that looks nothing up does without them.
  if (connection.settings.lookup_patients === false) return { cause: 'switched_off' };
  const question = { userId, connectionVersion: connection.version, mrn };
  if (deps.noes.has(question)) return { cause: 'remembered' };

  const opened = await deps.adapters();
  let adapter: EmrAdapter;
  try {
    adapter = opened.of(connection);
  } catch {
    // The error is for the operator, not for the integrator: its message may quote the settings.
    return { cause: 'unusable', reason: UNUSABLE, retryAfterMs: MENDED_MS };
  }
  const find = adapter.findPatient;
  if (find === undefined) return { cause: 'no_search' };

  const stopped = await whyStopped(deps, connection);
  if (stopped !== null) return { cause: 'login_required', reason: LOGIN, retryAfterMs: MENDED_MS };

  try {
    return await deps.places.run(userId, () =>
      deps.emrShares.run(clientPk, async (): Promise<PatientAnswer> => {
        if (signal.aborted) return { cause: 'busy', reason: BUSY };
        // The same question may have been answered while this one waited for its place.
        if (deps.noes.has(question)) return { cause: 'remembered' };
        const beganAt = performance.now();
        const found = await find({ mrn }, { signal });
        const trouble = found.outcome === 'unavailable' ? found : null;
        await noteAsked(deps, { connection, trouble, agoMs: performance.now() - beganAt });
        if (found.outcome === 'unavailable') return dontKnow(found);
        if (found.outcome === 'found')
          return { cause: 'found', emrPatientId: found.emrPatientId, connectionVersion: connection.version };
        deps.noes.add(question);
        return found.outcome === 'closed'
          ? { cause: 'closed', reason: found.reason }
          : { cause: found.outcome };
      }),
    );
  } catch (error) {
    if (error instanceof ShareExceededError || error instanceof LateError)
      return { cause: 'busy', reason: BUSY };
    throw error;
  }
}

function dontKnow({ code, detail, retryAfterMs }: PatientTrouble): DontKnow {
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs };
  switch (code) {
    case 'login_required':
    case 'unauthorized':
      return { cause: 'login_required', reason: LOGIN, retryAfterMs: MENDED_MS };
    case 'limit_used_up':
    case 'rate_limited':
      return { cause: 'limit_used_up', reason: detail, ...wait };
    case 'timeout':
    case 'aborted':
      return { cause: 'timeout', reason: NOT_IN_TIME };
    default:
      return { cause: 'emr_trouble', reason: detail, ...wait };
  }
}
