import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** How long a "no" of an EMR holds. */
const TTL_MS = 60_000;
/** Above this number the oldest are forgotten: some 3 MB. */
const MOST = 20_000;

/** Whose "no" it is. Another version of the connection may lead to another EMR. */
export type Question = { userId: number; connectionVersion: string; mrn: string };

/** The MRNs for which an EMR has said "no" a short time ago. What an EMR did not answer is never in it. */
export type RememberedNoes = { has(question: Question): boolean; add(question: Question): void };

/** Hashed, so that the size of an entry does not depend on the MRN, and no MRN stays in memory. */
const keyOf = ({ userId, connectionVersion, mrn }: Question): string =>
  hash('sha256', `${userId} ${connectionVersion} ${mrn}`, 'base64url');

/** @param options.clock `now()` is in milliseconds and only grows. */
export function rememberNoes({ clock = performance }: { clock?: { now(): number } } = {}): RememberedNoes {
  // Made with the first "no": a process that never looks a patient up has no memory for them.
  let noes: LRUCache<string, true> | undefined;
  return {
    has: (question) => noes?.has(keyOf(question)) === true,
    add(question) {
      noes ??= new LRUCache({ max: MOST, ttl: TTL_MS, perf: clock });
      noes.set(keyOf(question), true);
    },
  };
}
