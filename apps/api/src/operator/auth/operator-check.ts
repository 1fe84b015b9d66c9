import type { Database, FoundOperatorKey } from '@emr-payments/db';
import { findOperatorKey, noteUseOfOperatorKey } from '@emr-payments/operations';
import { atMost, hashSecret, type Logger, sameHash } from '@emr-payments/runtime';
import { LRUCache } from 'lru-cache';
import type { OperatorCaller } from '../../http/operator-caller.ts';

/** `keyId`: the key that has ended; null for one that is unknown, or for a text that is no key. */
export type OperatorChecked =
  | { outcome: 'operator'; caller: OperatorCaller }
  | { outcome: 'invalid'; keyId: string | null };

export type OperatorCheck = (secret: string) => Promise<OperatorChecked>;

/** As `newSecret` makes them: 192 random bits. */
const SECRET = /^op_[\w-]{32}$/;

/** Lifetime of a look-up: a key that is revoked stops working after this plus one look-up. */
const TTL_MS = 3_000;
const MOST_KEPT = 1_000;

/**
 * Makes the check of an operator key. Keys are found by their SHA-256, also those that have ended, and those that are unknown are
 * remembered like others for a moment. What has not the form of a key is not looked up.
 */
export function createOperatorCheck({
  database,
  logger,
  clock = performance,
}: {
  database: Pick<Database, 'pool'>;
  logger: Logger;
  clock?: { now(): number };
}): OperatorCheck {
  const keys = new LRUCache<string, { found: FoundOperatorKey | null }, Buffer>({
    ...atMost(MOST_KEPT),
    ttl: TTL_MS,
    perf: clock,
    fetchMethod: async (_hex, _stale, { context: secretHash }) => {
      const found = await findOperatorKey({ database }, { secretHash });
      if (found?.state === 'valid' && !found.usedToday) {
        // The day of the last use helps people to tidy up. A request does not fail for it.
        await noteUseOfOperatorKey({ database }, found).catch((err: unknown) =>
          logger.warn({ err }, 'the last use of an operator key could not be written'),
        );
      }
      return { found };
    },
  });
  return async (secret) => {
    if (!SECRET.test(secret)) return { outcome: 'invalid', keyId: null };
    const hash = hashSecret(secret);
    const { found } = await keys.forceFetch(hash.toString('hex'), { context: hash });
    if (found === null || !sameHash(found.secretHash, hash)) return { outcome: 'invalid', keyId: null };
    const { keyPk, keyId, scopes, state } = found;
    return state === 'valid'
      ? { outcome: 'operator', caller: { keyPk, keyId, scopes } }
      : { outcome: 'invalid', keyId };
  };
}
