import type { OurSentence } from '@emr-payments/contracts';
import type { ConnectionRecord } from '@emr-payments/db';
import type { Adapters, EmrAdapter, Trouble } from '@emr-payments/emr';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendError } from '../errors/send-error.ts';
import { createShares, type Shares } from '../http/shares.ts';

type NotSent = { outcome: 'not_sent' } & Trouble;

/** Requests that wait for an EMR at once in this process, each at most `LIMITS.emrWaitMs` and mostly for a remembered list. */
const MOST_AT_ONCE = { perClient: 16, total: 128 };

/** Makes the shares that all routes take part in which query an EMR. */
export const createEmrShares = (): Shares => createShares(MOST_AT_ONCE);

/** The error that the request is answered with. */
export type EmrRefusal =
  | {
      outcome: 'connection_unusable' | 'emr_timeout' | 'emr_unavailable';
      /** Why the EMR could not be used, in our words. */
      reason?: OurSentence;
    }
  | { outcome: 'rate_limited'; limit: string };

const OVER_SHARE: EmrRefusal = {
  outcome: 'rate_limited',
  limit: `at most ${MOST_AT_ONCE.perClient} of a client wait for an EMR at once`,
};

/** Answers a request whose EMR could not be asked. */
export function sendEmrRefusal(
  request: FastifyRequest,
  reply: FastifyReply,
  refusal: EmrRefusal,
): FastifyReply {
  if (refusal.outcome === 'rate_limited') reply.header('retry-after', '1');
  return sendError(request, reply, refusal.outcome, refusal);
}

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
 */
export async function askConnection<T extends { outcome: string }>(
  { adapters, emrShares }: { adapters: Adapters; emrShares: Shares },
  input: AskInput<T>,
): Promise<Asked<T>> {
  return (await emrShares.run(input.clientPk, () => askOnce(adapters, input))) ?? OVER_SHARE;
}

async function askOnce<T extends { outcome: string }>(
  adapters: Adapters,
  input: AskInput<T>,
): Promise<Asked<T>> {
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
