import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { ConnectionRecord } from '@emr-payments/db';
import { type Database, isLoginStopped, noteExchange, readHealth, takeProbe } from '@emr-payments/db';
import type { Trouble } from '@emr-payments/emr';

type Deps = { database: Pick<Database, 'pool'> };

/** Longer than a request waits for an EMR. */
const PROBE_MS = 30_000;

/**
 * Decides whether a request may call a connection's EMR. While its login is broken none may: each call would be one more login with wrong
 * credentials. After the stop one call is the probe, if no payment is due that could be it.
 *
 * @returns why not, in our words; null when the call may be made.
 */
export async function whyStopped(deps: Deps, { userId }: ConnectionRecord): Promise<OurSentence | null> {
  const stored = await readHealth(deps, { userId });
  if (stored === null || stored.health.state !== 'login_required') return null;
  if (!isLoginStopped(stored) && (await takeProbe(deps, { userId, subject: 'other', leaseMs: PROBE_MS })))
    return null;
  return stored.health.lastTrouble?.detail ?? sentence`The EMR rejects the credentials of this connection.`;
}

/**
 * Notes an exchange of a request. A note that cannot be written is left out: the request has its answer, and the next exchange says the
 * same.
 *
 * @param input.trouble null: the EMR answered.
 */
export async function noteAsked(
  deps: Deps,
  {
    connection,
    trouble,
    agoMs,
  }: { connection: ConnectionRecord; trouble: Pick<Trouble, 'code' | 'detail'> | null; agoMs: number },
): Promise<void> {
  const { exchangeOf } = await import('@emr-payments/emr');
  const exchange = trouble === null ? ({ kind: 'answered' } as const) : exchangeOf(trouble);
  await noteExchange(deps, { connection, exchange, subject: 'other', agoMs }).catch(() => undefined);
}
