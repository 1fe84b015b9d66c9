import { type Database, findRemembered, once, type Transaction } from '@emr-payments/db';
import type { Keyring, Shares } from '@emr-payments/runtime';
import type { FastifyReply } from 'fastify';
import { clientOf } from '../auth/authenticate-client-hook.ts';
import { answerWith, type KeyContext, type WriteResult } from './answer-once.ts';

/** A write whose preparation has ended well. */
export type ReadyWrite = {
  outcome: 'ready';
  /** Makes all changes of the request, through `tx`. */
  save(tx: Transaction): Promise<WriteResult>;
  /** Called after the commit. */
  saved?(): Promise<void>;
};

/**
 * Answers a request that has to be prepared by calls to others, such as an EMR or the DNS, before it is written once for each Idempotency-Key. No
 * transaction is open meanwhile. An answer that is remembered is given again without preparing: what the others say may have changed since.
 *
 * @param deps.writes the clients' places, of which the transaction takes one. Without them it takes none.
 */
export function answerPrepared(
  deps: { database: Pick<Database, 'pool'>; keyring: Keyring; writes?: Shares },
  context: KeyContext,
  prepare: () => Promise<ReadyWrite | Extract<WriteResult, { outcome: 'refused' }>>,
): Promise<FastifyReply> {
  return answerWith(deps, context, async (change) => {
    const known = change.request === null ? null : await findRemembered(deps, change.request);
    if (known !== null) return known;
    const prepared = await prepare();
    if (prepared.outcome === 'refused') return { outcome: 'done', result: prepared };
    const write = () => once(deps, { ...change, work: (tx) => prepared.save(tx) });
    const { writes } = deps;
    const written = await (writes === undefined
      ? write()
      : writes.run(clientOf(context.request).clientPk, write));
    if (written.outcome === 'done' && written.result.outcome === 'answered') await prepared.saved?.();
    return written;
  });
}
