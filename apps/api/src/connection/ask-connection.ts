import type { OurSentence } from '@emr-payments/contracts';
import type { ConnectionRecord } from '@emr-payments/db';
import type { EmrAdapter, Trouble } from '@emr-payments/emr';
import { createShares, type Shares } from '@emr-payments/runtime';
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

type AskInput<T> = {
  clientPk: number;
  connection: ConnectionRecord;
  ask: (adapter: EmrAdapter, signal: AbortSignal) => Promise<T | NotSent>;
  waitMs: number;
};
type Asked<T> = { outcome: 'answered'; adapter: EmrAdapter; answer: Exclude<T, NotSent> } | EmrRefusal;

/**
 * Makes one call to a connection's EMR, in the client's share and bounded by the time that a request may take. A failed call is not repeated: the
 * caller of the API may send the request again.
 *
 * @param input.ask the call of the adapter; it must end when the signal aborts.
 * @param input.waitMs longest wait, in milliseconds.
 * @throws ShareExceededError, LateError when there is no place for the request; nothing was sent.
 */
export async function askConnection<T extends { outcome: string }>(
  { adapters, emrShares }: { adapters: AdaptersOf; emrShares: Shares },
  input: AskInput<T>,
): Promise<Asked<T>> {
  return emrShares.run(input.clientPk, () => askOnce(adapters, input));
}

async function askOnce<T extends { outcome: string }>(
  adapters: AdaptersOf,
  input: AskInput<T>,
): Promise<Asked<T>> {
  const opened = await adapters();
  let adapter: EmrAdapter;
  try {
    adapter = opened.of(input.connection);
  } catch {
    // The error is for the operator, not for the integrator: its message may quote the settings.
    return { outcome: 'connection_unusable' };
  }
  const signal = AbortSignal.timeout(input.waitMs);
  const answer = await input.ask(adapter, signal);
  if (!isNotSent(answer)) return { outcome: 'answered', adapter, answer: answer as Exclude<T, NotSent> };
  if (signal.aborted || answer.code === 'timeout') return { outcome: 'emr_timeout' };
  return { outcome: 'emr_unavailable', reason: answer.detail };
}

function isNotSent(answer: { outcome: string }): answer is NotSent {
  return answer.outcome === 'not_sent';
}
