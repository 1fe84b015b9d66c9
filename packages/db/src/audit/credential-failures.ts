import { isIPv6 } from 'node:net';
import type { Statements } from '../core/statements.ts';
import { type AuditInput, clip } from './entry.ts';
import { recordAudits } from './record-audit.ts';

/** A request whose credentials were rejected. */
export type CredentialFailure = {
  /** Address of the caller. */
  source: string;
  /** Code of the answer, which says what was wrong. */
  code: string;
  /** The client id that the request gave, whether known or not; null without one. Never a secret or a token. */
  clientId: string | null;
};

export type CredentialFailures = {
  /** Counts a failure in memory; nothing is written here. */
  note(failure: CredentialFailure): void;
  /** Writes what was counted and stops. */
  close(): Promise<void>;
};

type Counted = { failure: CredentialFailure; count: number };

/** Recorded instead of a client id where one source tried more than one. */
const SEVERAL = '(several)';

/** Reduces an IPv6 address to its /64 network, since one network has more addresses than a log can hold. IPv4 is kept. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [left = '', right] = address.split('%')[0]?.split('::') ?? [];
  const head = left.split(':').filter((group) => group !== '');
  const tail = right === undefined ? [] : right.split(':').filter((group) => group !== '');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array.from({ length: Math.max(zeros, 0) }, () => '0'), ...tail];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/**
 * Counts rejected credentials in memory and writes them into the audit log every 30 s: one entry for each source and code,
 * with its count. However many requests fail, from however many addresses, at most `mostRows` such entries are written
 * each time; the rest become one entry of source `many`. A crash loses the counts since the last write.
 *
 * @param deps.onError called when the entries could not be written; their counts are kept for the next time.
 */
export function countCredentialFailures(
  { database, onError }: { database: Statements; onError: (error: unknown) => void },
  { everyMs = 30_000, mostRows = 20 }: { everyMs?: number; mostRows?: number } = {},
): CredentialFailures {
  let counted = new Map<string, Counted>();
  let overflow = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function plan(): void {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = writing.then(write);
    }, everyMs);
    timer.unref();
  }

  async function write(): Promise<void> {
    const rows = [...counted.values()];
    const rest = overflow;
    if (rows.length === 0) return;
    counted = new Map();
    overflow = 0;
    const entries = rows.map(({ failure, count }) => entryOf(failure, count));
    if (rest > 0) entries.push(entryOf({ source: 'many', code: 'credential_refused', clientId: null }, rest));
    try {
      await recordAudits({ database }, entries);
    } catch (error) {
      onError(error);
      for (const row of rows) add(row);
      overflow += rest;
      plan();
    }
  }

  function add({ failure, count }: Counted): void {
    const key = `${failure.source} ${failure.code}`;
    const known = counted.get(key);
    if (known !== undefined) {
      known.count += count;
      if (known.failure.clientId !== failure.clientId) known.failure.clientId = SEVERAL;
    } else if (counted.size < mostRows) counted.set(key, { failure, count });
    else overflow += count;
  }

  return {
    note({ source, code, clientId }) {
      const named = clientId === null ? null : clip(clientId);
      add({ failure: { source: networkOf(source), code, clientId: named }, count: 1 });
      plan();
    },
    async close() {
      clearTimeout(timer);
      timer = undefined;
      writing = writing.then(write);
      await writing;
      clearTimeout(timer);
    },
  };
}

function entryOf({ source, code, clientId }: CredentialFailure, count: number): AuditInput {
  return {
    actor: clientId === null ? 'client:' : `client:${clientId}`,
    source,
    action: 'credential.use',
    subject: `credential:${code}`,
    outcome: 'refused',
    count,
  };
}
