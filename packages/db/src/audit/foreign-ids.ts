import type { Statements } from '../core/statements.ts';
import { canBeId, findOwners, nameOf, type Owner, type SoughtId } from './find-owners.ts';
import type { CountedAction } from './tally.ts';

/** A caller whose credentials were accepted. */
export type KnownCaller = { clientId: string; user: string | null; source: string };

type Waiting = { caller: KnownCaller; sought: SoughtId; minute: number; count: number };

export type ForeignIds = {
  /** Remembers an id that a caller did not find. @returns true when so many wait that they should be examined now. */
  add(caller: KnownCaller, sought: SoughtId): boolean;
  /** Looks the remembered ids up, and counts those that are another tenant's. */
  examine(): Promise<void>;
  /** Number of requests that wait to be examined. */
  size(): number;
};

/** Ids that are examined before the next write is due. */
const EARLY = 1_000;
/** Ids that wait at most. Further ones are counted without being looked up. */
const MOST = 10_000;
const MINUTE_MS = 60_000;

/**
 * Finds out which ids that were "not found" exist and are another tenant's. It is done after the answers, many ids in one
 * statement: the answer to an id of another tenant takes the time of any other, and guessing ids costs the database little.
 */
export function createForeignIds({
  database,
  count,
  clock,
}: {
  database: Statements;
  count: (action: CountedAction, when: { minute: number; count: number }) => void;
  clock: () => number;
}): ForeignIds {
  let waiting = new Map<string, Waiting>();

  function refused({ caller, minute, count: times, sought }: Waiting, owner: Owner | null): void {
    const { clientId, user, source } = caller;
    // An access token has no id of its own: its user is named.
    const shown = sought.kind === 'user' ? (owner?.user ?? '') : sought.id;
    const action: CountedAction = {
      actor: `client:${clientId}`,
      user,
      source,
      action: 'tenant.refused',
      subject: owner === null ? `${sought.kind}:(not examined)` : `${sought.kind}:${shown}`,
      outcome: 'refused',
      ...(owner === null ? {} : { detail: { owner: ownerOf(owner, clientId) } }),
    };
    count(action, { minute, count: times });
  }

  return {
    add(caller, given) {
      if (!canBeId(given)) return false;
      // Numbers are found with leading zeros too.
      const sought = given.kind === 'job' ? { ...given, id: String(Number(given.id)) } : given;
      const minute = Math.floor(clock() / MINUTE_MS) * MINUTE_MS;
      const key = `${minute} ${nameOf(sought)} ${caller.clientId} ${caller.user} ${caller.source}`;
      const known = waiting.get(key);
      const first = { caller, sought, minute, count: 1 };
      if (known !== undefined) known.count += 1;
      else if (waiting.size >= MOST) refused(first, null);
      else return waiting.set(key, first).size === EARLY;
      return false;
    },
    async examine() {
      const examined = waiting;
      if (examined.size === 0) return;
      waiting = new Map();
      let owners: Map<string, Owner>;
      try {
        owners = await findOwners(
          { database },
          [...examined.values()].map(({ sought }) => sought),
        );
      } catch (error) {
        // Those that came in the meantime are kept as well.
        for (const [key, each] of waiting) {
          const known = examined.get(key);
          if (known === undefined) examined.set(key, each);
          else known.count += each.count;
        }
        waiting = examined;
        throw error;
      }
      for (const each of examined.values()) {
        const owner = owners.get(nameOf(each.sought));
        if (owner !== undefined && isForeign(owner, each.caller)) refused(each, owner);
      }
    },
    size: () => [...waiting.values()].reduce((sum, { count: times }) => sum + times, 0),
  };
}

/** True for a record of another client, and for one of another user of the same client where a user asked. */
function isForeign(owner: Owner, { clientId, user }: KnownCaller): boolean {
  if (owner.clientId !== clientId) return true;
  return user !== null && owner.user !== null && owner.user !== user;
}

function ownerOf(owner: Owner, clientId: string): string {
  return owner.clientId === clientId ? `user:${owner.user}` : `client:${owner.clientId}`;
}
