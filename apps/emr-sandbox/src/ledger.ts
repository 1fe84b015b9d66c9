import { openLedgerFile } from './ledger-file.ts';
import type { PracticeResource } from './practice.ts';

type Identifier = { system?: string; value: string };

/** A PaymentReconciliation as it came in, checked, without what the server adds. */
export type NewPosting = { identifier?: Identifier[] } & Record<string, unknown>;

/** One posting of the ledger. Kept as text: a benchmark makes hundreds of thousands of them. */
export type Entry = {
  seq: number;
  id: string;
  lastUpdated: string;
  identifiers: readonly Identifier[];
  /** The whole resource, as JSON. */
  json: string;
  /** Resolves when the entry is on disk; an answer that speaks of the entry waits for it. */
  written: Promise<void>;
};

export type Ledger = {
  /**
   * Makes an entry. It is findable in this very tick, so that of two creates with the same key the second one sees
   * the first, and it is on disk when `written` resolves.
   */
  add(posting: NewPosting): Entry;
  byId(id: string): Entry | undefined;
  /** `token` as in a FHIR search: `system|value`, `|value` or `value`. Oldest first. */
  byIdentifier(token: string): Entry[];
  /** Oldest first; entry number `seq` stands at index `seq - 1`. */
  readonly entries: readonly Entry[];
  size(): number;
  /** Keeps a patient, location or list of methods that was put, beside the postings. */
  keep(resource: PracticeResource): Promise<void>;
  readonly kept: readonly PracticeResource[];
  /** Hears of every entry once it is on disk. */
  onWritten(listener: (entry: Entry) => void): void;
  close(): Promise<void>;
};

type Line =
  | {
      kind: 'posting';
      seq: number;
      resource: { id: string; meta: { lastUpdated: string }; identifier?: Identifier[] };
    }
  | { kind: 'resource'; resource: PracticeResource };

/** Transaction ids look like an EMR's: plain numbers that do not begin at 1. */
const FIRST_ID = 13_969_262;

const sameIdentifier = (token: string) => {
  const bar = token.lastIndexOf('|');
  const system = bar === -1 ? undefined : token.slice(0, bar);
  return (each: Identifier) =>
    each.value === token.slice(bar + 1) && (system === undefined || system === (each.system ?? ''));
};

/** Opens the ledger, whole after a kill: an entry that anyone was told of is there, a half-written one is not. */
export async function openLedger(path: string): Promise<Ledger> {
  const file = await openLedgerFile(path);
  const entries: Entry[] = [];
  const ids = new Map<string, Entry>();
  const values = new Map<string, Entry[]>();
  const kept: PracticeResource[] = [];
  const listeners: ((entry: Entry) => void)[] = [];

  function index(entry: Entry): void {
    entries.push(entry);
    ids.set(entry.id, entry);
    for (const { value } of entry.identifiers) {
      const others = values.get(value);
      if (others === undefined) values.set(value, [entry]);
      else if (others.at(-1) !== entry) others.push(entry);
    }
  }

  const onDisk = Promise.resolve();
  for (const [number, text] of file.lines.entries()) {
    let line: Line;
    try {
      line = JSON.parse(text);
    } catch (cause) {
      throw new Error(`line ${number + 1} of the ledger file is not JSON; move the file away`, { cause });
    }
    if (line.kind === 'resource') kept.push(line.resource);
    else {
      const { resource, seq } = line;
      const { lastUpdated } = resource.meta;
      const identifiers = resource.identifier ?? [];
      index({
        seq,
        id: resource.id,
        lastUpdated,
        identifiers,
        json: JSON.stringify(resource),
        written: onDisk,
      });
    }
  }

  return {
    entries,
    kept,
    size: () => entries.length,
    byId: (id) => ids.get(id),
    byIdentifier(token) {
      const matches = sameIdentifier(token);
      const sameValue = values.get(token.slice(token.lastIndexOf('|') + 1)) ?? [];
      return sameValue.filter((entry) => entry.identifiers.some(matches));
    },
    add(posting) {
      const seq = entries.length + 1;
      const id = String(FIRST_ID + entries.length);
      const lastUpdated = new Date().toISOString();
      const json = JSON.stringify({ ...posting, id, meta: { versionId: '1', lastUpdated } });
      const written = file.append(`{"kind":"posting","seq":${seq},"resource":${json}}`);
      const entry: Entry = { seq, id, lastUpdated, identifiers: posting.identifier ?? [], json, written };
      index(entry);
      written.then(
        () => {
          for (const listener of listeners) listener(entry);
        },
        () => undefined, // whoever waits for `written` hears of it
      );
      return entry;
    },
    keep(resource) {
      kept.push(resource);
      return file.append(JSON.stringify({ kind: 'resource', resource }));
    },
    onWritten(listener) {
      listeners.push(listener);
    },
    close: () => file.close(),
  };
}
