import { sentence } from '@emr-payments/contracts';
import type { ClaimedSync, SyncEnd } from '@emr-payments/db';
import type { PatientTrouble } from '@emr-payments/emr';
import { postingDelay } from './posting-policy.ts';

/** The end of one claim on a run. */
export type SyncTurn =
  /** It goes on after this time. */
  | { outcome: 'pause'; delayMs: number }
  /** `stopped`: the broken login of the connection stops it. */
  | { outcome: 'trouble'; trouble: PatientTrouble; run: ClaimedSync; stopped: boolean }
  | { outcome: 'restart' }
  | { outcome: 'end'; end: SyncEnd }
  | { outcome: 'lost' };

export const SYNC_POLICY = {
  /** A run that makes no progress for so long has failed. The next scheduled one tries it again. */
  giveUpMs: 24 * 3_600_000,
  /** A run gives its place to the next one after so long, and goes on when it is its turn again. */
  turnMs: 20_000,
  /** A run that has to wait longer for its next call, because of the connection's rate, gives its place back meanwhile. */
  longestPauseMs: 1_000,
  /** A run fails when it has begun again this many times. */
  mostRestarts: 5,
  /** A list with more pages never ends. */
  mostPages: 50_000,
} as const;

/** After so many tries at one place of a list with an answer of `REFUSES_PLACE`, the EMR is believed not to know the place any more. */
const TRIES_AT_A_PLACE = 2;

/** The adapter says that the list has to be read again from its first page: another try at the place would get the same answer. */
const PLACE_LOST = 'cursor_expired';

/** Answers by which an EMR refuses a place in its list, or the time since when changes are asked for. */
const REFUSES_PLACE: readonly string[] = [
  'answer_not_understood',
  'conflict',
  'connection_misconfigured',
  'emr_refused',
  'list_not_found',
  'search_not_honoured',
  'unexpected_status',
];

/**
 * Answers by which an EMR refuses its list of patients as a whole: it has none, or the connection has no right to it. Only a person can change
 * that, and the next scheduled sync looks again.
 */
const HAS_NO_LIST: readonly string[] = ['connection_misconfigured', 'emr_refused', 'forbidden'];

/** The one that a gateway hardly gives for a moment: there is no such endpoint. The others are believed when they are repeated. */
const HAS_NO_ENDPOINT = 'connection_misconfigured';

const NO_LIST = sentence`The EMR does not give this connection its list of patients, so only its names were read.`;

/** What becomes of a run after a trouble. */
export type AfterTrouble =
  | { outcome: 'end'; end: SyncEnd }
  | { outcome: 'restart' }
  | { outcome: 'put_off'; delayMs: number };

/**
 * Decides what becomes of a run that met a trouble: it waits as a posting would, begins again where the EMR refuses its place, and fails
 * when it has made no progress for a day. It fails where the EMR gives no list of patients. Behind a broken login it only waits.
 */
export function afterTrouble(
  run: ClaimedSync,
  { trouble, stopped }: { trouble: PatientTrouble; stopped: boolean },
): AfterTrouble {
  if (stopped) return { outcome: 'put_off', delayMs: 0 };
  const isCertain = trouble.code === HAS_NO_ENDPOINT || run.tries >= TRIES_AT_A_PLACE;
  // The EMR may have refused only the time since which we ask for changes, so a full list is requested first.
  const mayBeTime = run.since !== null && trouble.code === 'emr_refused';
  const isFirst = run.phase === 'patients' && run.cursor === null && !mayBeTime;
  if (isFirst && isCertain && HAS_NO_LIST.includes(trouble.code)) {
    const reason = sentence`${NO_LIST} ${trouble.detail}`;
    return { outcome: 'end', end: { state: 'failed', trouble: { code: trouble.code, reason } } };
  }
  if ((run.troubleForMs ?? 0) > SYNC_POLICY.giveUpMs) {
    const reason = sentence`${trouble.detail} It has been so for 24 hours.`;
    return { outcome: 'end', end: { state: 'failed', trouble: { code: trouble.code, reason } } };
  }
  const hasPlace = run.phase === 'patients' && (run.cursor !== null || run.since !== null);
  const isLost = trouble.code === PLACE_LOST;
  if (hasPlace && (isLost || (run.tries >= TRIES_AT_A_PLACE && REFUSES_PLACE.includes(trouble.code))))
    return { outcome: 'restart' };
  return { outcome: 'put_off', delayMs: Math.ceil(postingDelay({ ...trouble, tries: run.tries })) };
}
