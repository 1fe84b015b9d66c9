import { every } from '@emr-payments/runtime';
import type { Statements } from '../core/statements.ts';
import { clip } from './entry.ts';
import type { SoughtId } from './find-owners.ts';
import { createForeignIds, type KnownCaller } from './foreign-ids.ts';
import { networkOf } from './network-of.ts';
import { recordAudits } from './record-audit.ts';
import {
  byActionAlone,
  type Counted,
  type CountedAction,
  createTally,
  type Form,
  kindOf,
  withoutActor,
  withoutSource,
} from './tally.ts';

/** A request whose credentials were rejected, or not looked at because too many from its address were. */
export type CredentialFailure = {
  /** Address of the caller. */
  source: string;
  /** Code of the answer, which says what was wrong. */
  code: string;
  /** The client id that the request gives, if it has the form of one; null otherwise. Never a secret or a token. */
  clientId: string | null;
  /**
   * Given for a request of the operator's API, instead of the client id: the id of the key that was revoked or has expired, null for a key
   * that is unknown.
   */
  operatorKeyId?: string | null;
};

export type AuditCounter = {
  /** Counts an action of a caller whose credentials were accepted. */
  action(counted: CountedAction): void;
  /** Counts rejected credentials. */
  credentials(failure: CredentialFailure): void;
  /** Remembers an id that was not found for this caller. It is counted as `tenant.refused` if it is another tenant's. */
  notFound(caller: KnownCaller, sought: SoughtId): void;
  /** Writes all that was counted and starts no further write. Later actions are written by the next call. */
  close(): Promise<void>;
};

export type AuditCounterDeps = {
  database: Statements;
  /** Called when entries could not be written. Their counts are kept for the next time. */
  onError: (error: unknown) => void;
  /** Called when the counter stops while PostgreSQL is away, with the number of actions that no entry counts. */
  onLost: (count: number) => void;
  /** Called with the number of requests for an id that was found to be another tenant's. */
  onRefused?: (count: number) => void;
};

export type AuditCounterOptions = {
  /** Time between two writes. */
  everyMs?: number;
  /** Rows of rejected credentials in a minute; strangers cause them. */
  mostOfStrangers?: number;
  /** Rows of known callers in a minute. */
  mostOfCallers?: number;
  /** Milliseconds since 1970. */
  clock?: () => number;
};

/** Rows that are kept while PostgreSQL is away: some 20 MB. */
const MOST_KEPT = 50_000;
/** Entries in one statement. */
const AT_ONCE = 1_000;

const asItIs: Form = (action) => action;

function entryOf({ minute, ...counted }: Counted) {
  return { ...counted, minute: new Date(minute) };
}

/**
 * Counts what callers of the API can do any number of times, in memory, and writes it into the audit log: one entry for each
 * client, user, source, action and minute, with its count. An entry is written within `everyMs` of the first such action, and a
 * second one with the rest after the minute. A process that is killed loses at most the actions of the last `everyMs` and
 * beyond that numbers of the running minute, never who did what. A write whose outcome is unknown is repeated: a count can then
 * be too high, never too low.
 *
 * However many addresses, users and ids take part, memory and rows are bounded, and every action is counted (`createTally`).
 */
export function createAuditCounter(
  { database, onError, onLost, onRefused }: AuditCounterDeps,
  {
    everyMs = 5_000,
    mostOfStrangers = 50,
    mostOfCallers = 5_000,
    clock = Date.now,
  }: AuditCounterOptions = {},
): AuditCounter {
  const bounds = { mostKept: MOST_KEPT, clock };
  const callers = createTally({
    ...bounds,
    forms: [asItIs, withoutSource, byActionAlone],
    keyOf: kindOf,
    mostRows: mostOfCallers,
  });
  // The address of a stranger is known and the client id is only claimed, so the address is kept longer.
  const strangers = createTally({
    ...bounds,
    forms: [asItIs, withoutActor, byActionAlone],
    keyOf: (subject) => subject,
    mostRows: mostOfStrangers,
  });
  const foreign = createForeignIds({
    database,
    clock,
    count(action, when) {
      onRefused?.(when.count);
      callers.add(action, when);
    },
  });

  async function write(counted: Counted[], keep: (lost: readonly Counted[]) => void): Promise<void> {
    for (let from = 0; from < counted.length; from += AT_ONCE) {
      try {
        await recordAudits({ database }, counted.slice(from, from + AT_ONCE).map(entryOf));
      } catch (error) {
        keep(counted.slice(from));
        throw error;
      }
    }
  }

  /** Takes the steps one after the other, also after one that failed. */
  async function inTurn(steps: readonly (() => Promise<void>)[]): Promise<void> {
    for (const step of steps) await step().catch(onError);
  }

  const run = (): Promise<void> =>
    inTurn([
      () => foreign.examine(),
      () => write(strangers.take(), strangers.putBack),
      () => write(callers.take(), callers.putBack),
    ]);

  const loop = every({ run, onError }, { intervalMs: everyMs });

  return {
    action: (counted) => callers.add(counted),
    credentials({ source, code, clientId, operatorKeyId }) {
      const [kind, id] = operatorKeyId === undefined ? ['client', clientId] : ['operator', operatorKeyId];
      strangers.add({
        actor: `${kind}:${id === null ? '' : clip(id)}`,
        user: null,
        source: networkOf(source),
        action: 'credential.use',
        subject: `credential:${code}`,
        outcome: 'refused',
      });
    },
    notFound(caller, sought) {
      if (foreign.add(caller, sought)) loop.wake();
    },
    async close() {
      await loop.stop();
      let lost = 0;
      const drop = (rest: readonly Counted[]): void => {
        for (const { count } of rest) lost += count;
      };
      await inTurn([
        () => foreign.examine(),
        () => write(strangers.takeAll(), drop),
        () => write(callers.takeAll(), drop),
      ]);
      lost += foreign.size();
      if (lost > 0) onLost(lost);
    },
  };
}
