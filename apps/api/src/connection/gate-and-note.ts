import { type OurSentence, sentence } from '@emr-payments/contracts';
import type { ConnectionRecord } from '@emr-payments/db';
import { type Database, isLoginStopped, noteExchange, readHealth } from '@emr-payments/db';
import type { Trouble } from '@emr-payments/emr';

type Deps = { database: Pick<Database, 'pool'> };

/**
 * Asks whether the broken login of a connection stops calls to its EMR: each of them would be one more login with wrong credentials.
 *
 * @returns why, in our words; null while nothing stops them.
 */
export async function whyStopped(deps: Deps, { userId }: ConnectionRecord): Promise<OurSentence | null> {
  const stored = await readHealth(deps, { userId });
  if (stored === null || !isLoginStopped(stored)) return null;
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
  await noteExchange(deps, { connection, exchange, agoMs }).catch(() => undefined);
}
