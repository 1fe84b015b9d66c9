import { sentence } from '@emr-payments/contracts';
import {
  answerLookUp,
  type Database,
  joinLookUp,
  type LookUpAnswer,
  type LookUpPlace,
  leaveLookUp,
  type PatientQuestion,
} from '@emr-payments/db';
import type { Shares } from '@emr-payments/runtime';
import type { LookUpWatch } from './look-up-watch.ts';
import { BUSY, NOT_IN_TIME, type PatientAnswer } from './patient-answer.ts';

/** Questions of one connection that are asked at once, over all processes. */
const AT_ONCE = 4;

const TOO_MANY = sentence`It was asked in the last minute for too many MRNs that it does not know.`;

export type LineDeps = {
  database: Pick<Database, 'pool'>;
  /** The share of each client in the writes. */
  writes: Shares;
  watch: LookUpWatch;
  /** Longer than a question may take: only one whose process has died has no answer then. */
  leaseMs: number;
};

type Asking = {
  clientPk: number;
  question: PatientQuestion;
  signal: AbortSignal;
  /** Asks the EMR, and stores what is to be stored: the others find it there. */
  ask: () => Promise<PatientAnswer>;
};

/**
 * Asks for a patient when the question has its turn in its connection's line, which all processes share; or waits for the answer when
 * one of them has asked the same.
 *
 * @throws DatabaseUnavailableError, ShareExceededError or LateError: nothing was asked, or nobody will learn of it.
 */
export async function askInLine(deps: LineDeps, asking: Asking): Promise<PatientAnswer> {
  const { clientPk, question, signal } = asking;
  while (!signal.aborted) {
    const joined = await deps.writes.run(clientPk, () =>
      joinLookUp(deps, { ...question, leaseMs: deps.leaseMs }),
    );
    if (joined.outcome === 'remembered') return { cause: 'remembered' };
    if (joined.outcome === 'used_up')
      return { cause: 'too_many_unknown', reason: TOO_MANY, retryAfterMs: joined.retryAfterMs };
    const place = { ...question, id: joined.id };
    if (joined.ours) return askInTurn(deps, { ...asking, place, ahead: joined.ahead });
    const answer = await answerOfOther(deps, { ...asking, place });
    // Without one its process has died, or had no time left: it is asked again.
    if (answer !== null) return answer;
  }
  return BUSY;
}

async function askInTurn(
  deps: LineDeps,
  { place, ahead, signal, ask }: Asking & { place: LookUpPlace; ahead: number },
): Promise<PatientAnswer> {
  let isOpen = true;
  try {
    for (let before = ahead; before >= AT_ONCE; ) {
      if (signal.aborted) return BUSY;
      const progress = await deps.watch.look(place);
      if (progress === null || progress.answer !== null) return BUSY;
      before = progress.ahead;
    }
    const answer = await ask();
    // One that cannot be published is published by the end of its lease.
    isOpen = false;
    await answerLookUp(deps, { ...place, answer: publishedOf(answer) }).catch(() => undefined);
    return answer;
  } finally {
    if (isOpen) await leaveLookUp(deps, place).catch(() => undefined);
  }
}

function publishedOf(answer: PatientAnswer): LookUpAnswer {
  if (answer.cause === 'found') return { cause: 'found', emrPatientId: answer.patient?.emrPatientId ?? null };
  if (answer.cause === 'none' || answer.cause === 'several' || answer.cause === 'closed')
    return { cause: answer.cause };
  if (!('reason' in answer) || answer.reason === undefined)
    throw new Error(`no EMR answers a question with ${answer.cause}`);
  const wait = 'retryAfterMs' in answer ? { retryAfterMs: answer.retryAfterMs } : {};
  return {
    cause: answer.cause === 'limit_used_up' ? 'not_asked' : 'unknown',
    reason: answer.reason,
    ...wait,
  };
}

async function answerOfOther(
  { watch }: LineDeps,
  { place, signal, question: { connectionVersion } }: Asking & { place: LookUpPlace },
): Promise<PatientAnswer | null> {
  while (!signal.aborted) {
    const progress = await watch.look(place);
    if (progress === null) return null;
    const { answer } = progress;
    if (answer === null) continue;
    if (answer.cause === 'found') {
      const { emrPatientId } = answer;
      const patient = emrPatientId === null ? null : { emrPatientId, connectionVersion };
      return { cause: 'found', patient, elsewhere: true };
    }
    if (answer.cause === 'unknown' || answer.cause === 'not_asked')
      return { ...answer, cause: 'emr_trouble', elsewhere: true };
    return { cause: answer.cause, elsewhere: true };
  }
  return { cause: 'timeout', reason: NOT_IN_TIME, elsewhere: true };
}
