import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { ConnectionRecord, Database } from '@emr-payments/db';
import type { EmrAdapter, ListOptions, Trouble } from '@emr-payments/emr';
import { createShares, type Shares } from '@emr-payments/runtime';
import { noteAsked, whyStopped } from './gate-and-note.ts';
import type { AdaptersOf } from './late-adapters.ts';

type NotSent = { outcome: 'not_sent' } & Trouble;

/**
 * Makes the shares of the requests that query an EMR. Each takes at most `LIMITS.emrWaitMs`, and mostly a remembered list. None
 * waits for a place: a request over its client's share is refused at once.
 */
export const createEmrShares = (): Shares =>
  createShares({
    places: 128,
    perOwner: 16,
    waitingPerOwner: 0,
    waitMs: 0,
    work: 'requests of one client that wait for an EMR',
  });

/** The error that the request is answered with. */
export type EmrRefusal = {
  outcome: 'connection_unusable' | 'emr_timeout' | 'emr_unavailable';
  /** Why the EMR could not be used, in our words. */
  reason?: OurSentence;
};

export type AskDeps = { database: Pick<Database, 'pool'>; adapters: AdaptersOf; emrShares: Shares };

type AskInput<T> = {
  clientPk: number;
  connection: ConnectionRecord;
  ask: (adapter: EmrAdapter, options: ListOptions) => Promise<T | NotSent>;
  waitMs: number;
};
type Asked<T> = { outcome: 'answered'; adapter: EmrAdapter; answer: Exclude<T, NotSent> } | EmrRefusal;

/**
 * Makes one call to a connection's EMR, in the client's share and bounded by the time that a request may take, and notes a trouble of the
 * connection. An answer is not noted: lists may come from memory, or be the same for every practice of a dialect. A failed call is not repeated: the caller of the API may send the request again. None is made while a broken login
 * stops the connection.
 *
 * @param input.ask the call of the adapter; it must end when the signal aborts.
 * @param input.waitMs longest wait, in milliseconds.
 * @throws ShareExceededError, LateError when there is no place for the request; nothing was sent.
 */
export async function askConnection<T extends { outcome: string }>(
  deps: AskDeps,
  input: AskInput<T>,
): Promise<Asked<T>> {
  return deps.emrShares.run(input.clientPk, () => askOnce(deps, input));
}

/** The trouble of an EMR that took longer than a request may take. */
const LATE: Trouble = { code: 'timeout', detail: sentence`The EMR did not answer in time.` };

async function askOnce<T extends { outcome: string }>(deps: AskDeps, input: AskInput<T>): Promise<Asked<T>> {
  const { connection } = input;
  const stopped = await whyStopped(deps, connection);
  const opened = await deps.adapters();
  let adapter: EmrAdapter;
  try {
    adapter = opened.of(input.connection);
  } catch {
    // The error is for the operator, not for the integrator: its message may quote the settings.
    return { outcome: 'connection_unusable' };
  }
  if (stopped !== null) return { outcome: 'emr_unavailable', reason: stopped };
  const beganAt = performance.now();
  const signal = AbortSignal.timeout(input.waitMs);
  let isRead = false;
  const onRead = () => {
    isRead = true;
  };
  const answer = await input.ask(adapter, { signal, onRead });
  const trouble = !isNotSent(answer) ? null : signal.aborted ? LATE : answer;
  // Names that are remembered, or the same for all practices, say nothing about the EMR.
  if (trouble !== null || isRead)
    await noteAsked(deps, { connection, trouble, agoMs: performance.now() - beganAt });
  if (!isNotSent(answer)) return { outcome: 'answered', adapter, answer: answer as Exclude<T, NotSent> };
  if (signal.aborted || answer.code === 'timeout') return { outcome: 'emr_timeout' };
  return { outcome: 'emr_unavailable', reason: answer.detail };
}

function isNotSent(answer: { outcome: string }): answer is NotSent {
  return answer.outcome === 'not_sent';
}
