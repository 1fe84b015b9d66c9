import type { ConnectionRecord } from '@emr-payments/db';
import type { Adapters, EmrAdapter, Trouble } from '@emr-payments/emr';

type NotSent = { outcome: 'not_sent' } & Trouble;

/** The error to answer with. */
export type EmrRefusal = {
  outcome: 'connection_unusable' | 'emr_timeout' | 'emr_unavailable';
  /** What the EMR, or the way to it, has to say; for the sentence. */
  reason?: string;
};

/**
 * Asks a connection's EMR something, for as long as a request may take. Nothing is asked twice: whoever waits may ask again.
 *
 * @param input.ask one call of the adapter; it ends when the signal does.
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
    // What is wrong with it is for whoever set it up, and the message may quote what that was.
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
