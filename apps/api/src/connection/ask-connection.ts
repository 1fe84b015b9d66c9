import type { OurSentence } from '@emr-payments/contracts';
import type { ConnectionRecord } from '@emr-payments/db';
import type { Adapters, EmrAdapter, Trouble } from '@emr-payments/emr';

type NotSent = { outcome: 'not_sent' } & Trouble;

/** The error that the request is answered with. */
export type EmrRefusal = {
  outcome: 'connection_unusable' | 'emr_timeout' | 'emr_unavailable';
  /** Why the EMR could not be used, in our words. */
  reason?: OurSentence;
};

/**
 * Makes one call to a connection's EMR, bounded by the time that a request may take. A failed call is not repeated: the
 * caller of the API may send the request again.
 *
 * @param input.ask the call of the adapter; it must end when the signal aborts.
 * @param input.waitMs longest wait, in milliseconds.
 */
export async function askConnection<T extends { outcome: string }>(
  { adapters }: { adapters: Adapters },
  input: {
    connection: ConnectionRecord;
    ask: (adapter: EmrAdapter, signal: AbortSignal) => Promise<T | NotSent>;
    waitMs: number;
  },
): Promise<{ outcome: 'answered'; adapter: EmrAdapter; answer: Exclude<T, NotSent> } | EmrRefusal> {
  let adapter: EmrAdapter;
  try {
    adapter = adapters.of(input.connection);
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
