import { sentence } from '@emr-payments/contracts';
import { findConnection, recallNo } from '@emr-payments/db';
import type { EmrAdapter, PatientTrouble } from '@emr-payments/emr';
import { LateError, ShareExceededError, type Shares } from '@emr-payments/runtime';
import { noteAsked, whyStopped } from '../connection/gate-and-note.ts';
import type { AdaptersOf } from '../connection/late-adapters.ts';
import { askInLine, type LineDeps } from './ask-in-line.ts';
import type { LookUpPlaces } from './look-up-places.ts';
import { BUSY, type DontKnow, type Found, NOT_IN_TIME, type PatientAnswer } from './patient-answer.ts';

export type AskDeps = LineDeps & {
  adapters: AdaptersOf;
  /** The share of each client in the requests that wait for an EMR. */
  emrShares: Shares;
  /** The shares of each client and connection in this process's look-ups, those that wait in a line included. */
  places: LookUpPlaces;
  /** The share of each client in the reads before a question: none of a flood's thousand stands before another client's. */
  reads: Shares;
};

const UNUSABLE = sentence`The practice's EMR connection cannot be used as it is set up; the person who connected it has to correct it.`;
const LOGIN = sentence`The practice's EMR rejects the login of its connection; a person has to log in again.`;

/** Until a person has mended a connection nothing changes. */
const MENDED_MS = 60_000;

/**
 * Asks the EMR of a user once which patient has an MRN, or gets the answer that another process has just got.
 *
 * @param input.signal ends the wait for a place, and the call.
 * @param input.store stores the patient that was found, before the processes that wait for the answer get it.
 * @throws DatabaseUnavailableError when PostgreSQL does not answer.
 */
export async function askForPatient(
  deps: AskDeps,
  input: {
    clientPk: number;
    userId: number;
    mrn: string;
    signal: AbortSignal;
    store: (found: Found) => Promise<Found | DontKnow>;
  },
): Promise<PatientAnswer> {
  const { clientPk, userId, mrn, signal, store } = input;
  const { reads } = deps;
  const connection = await reads.run(clientPk, () => findConnection(deps, { userId }));
  if (connection === null) return { cause: 'no_connection' };
  // Before the dialects are loaded: an installation that looks nothing up does without them.
  if (connection.settings.lookup_patients === false) return { cause: 'switched_off' };
  const question = { userId, connectionVersion: connection.version, mrn };
  if (await reads.run(clientPk, () => recallNo(deps, question))) return { cause: 'remembered' };

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

  const stopped = await reads.run(clientPk, () => whyStopped(deps, connection));
  if (stopped !== null) return { cause: 'login_required', reason: LOGIN, retryAfterMs: MENDED_MS };

  const call = () =>
    deps.emrShares.run(clientPk, async (): Promise<PatientAnswer> => {
      if (signal.aborted) throw new LateError('the turn came too late');
      const beganAt = performance.now();
      const found = await find({ mrn }, { signal });
      const trouble = found.outcome === 'unavailable' ? found : null;
      await noteAsked(deps, { connection, trouble, agoMs: performance.now() - beganAt });
      if (found.outcome === 'unavailable') return dontKnow(found);
      if (found.outcome === 'found') {
        const { emrPatientId } = found;
        return { cause: 'found', patient: { emrPatientId, connectionVersion: connection.version } };
      }
      return found.outcome === 'closed'
        ? { cause: 'closed', reason: found.reason }
        : { cause: found.outcome };
    });
  const ask = async (): Promise<PatientAnswer> => {
    const answer = await call();
    return answer.cause === 'found' ? store(answer) : answer;
  };
  try {
    return await deps.places.run({ clientPk, userId }, () =>
      askInLine(deps, { clientPk, question, signal, ask }),
    );
  } catch (error) {
    if (error instanceof ShareExceededError || error instanceof LateError) return BUSY;
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
      return { cause: code, reason: detail, ...wait };
    case 'timeout':
    case 'aborted':
      return { cause: 'timeout', reason: NOT_IN_TIME };
    default:
      return { cause: 'emr_trouble', reason: detail, ...wait };
  }
}
