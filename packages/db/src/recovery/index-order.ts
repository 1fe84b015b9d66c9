import { query, type StatementDeps } from '../core/statements.ts';

/**
 * Settings for the rest of a transaction under which PostgreSQL reads events along their index, in order, and stops at the
 * limit. Without them it may read and sort all events of the period for each batch: it does so whenever it believes that they
 * are few, as just after many were written, or of a client with far more events than the others.
 */
const IN_INDEX_ORDER = {
  name: 'read-in-index-order',
  text: `
    SELECT set_config(name, 'off', true)
      FROM unnest(ARRAY['enable_sort', 'enable_bitmapscan', 'enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) AS name`,
};

/** Makes the following statements of this transaction read in the order of an index. */
export async function readInIndexOrder(tx: StatementDeps): Promise<void> {
  await query(tx, IN_INDEX_ORDER, []);
}
