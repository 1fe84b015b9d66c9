import { type Database, findRemembered, once, type Transaction } from '@emr-payments/db';
import type { Keyring } from '@emr-payments/runtime';
import type { FastifyReply } from 'fastify';
import { answerWith, type KeyContext, type WriteResult } from './answer-once.ts';

/** A write whose preparation has ended well. */
export type ReadyWrite = {
  outcome: 'ready';
  /** Makes all changes of the request, through `tx`. */
  save(tx: Transaction): Promise<WriteResult>;
  /** Called after the commit. */
  saved(): Promise<void>;
};

/**
 * Answers a request that has to be prepared by calls to others, such as an EMR, before it is written once for each Idempotency-Key. No
 * transaction is open meanwhile. An answer that is remembered is given again without preparing: the EMR may have gone since.
 */
export function answerPrepared(
  deps: { database: Pick<Database, 'pool'>; keyring: Keyring },
  context: KeyContext,
  prepare: () => Promise<ReadyWrite | Extract<WriteResult, { outcome: 'refused' }>>,
): Promise<FastifyReply> {
  return answerWith(deps, context, async (change) => {
    const known = change.request === null ? null : await findRemembered(deps, change.request);
    if (known !== null) return known;
    const prepared = await prepare();
    if (prepared.outcome === 'refused') return { outcome: 'done', result: prepared };
    const written = await once(deps, { ...change, work: (tx) => prepared.save(tx) });
    if (written.outcome === 'done' && written.result.outcome === 'answered') await prepared.saved();
    return written;
  });
}
