import { openLedgerFile } from './ledger-file.ts';
import type { PracticeChange } from './practice.ts';

/** One payment in fields that every EMR has. */
export type Posting = {
  /** The dialect that took it; the only one that reads the entry's document. */
  dialect: string;
  /** The payment id as the sender gave it; the entry is found by it. */
  paymentId: string | null;
  /** Further values that the entry is found by. */
  otherKeys: readonly string[];
  /** The transaction id begins with it, for a dialect whose ids are no plain numbers. */
  idPrefix?: string;
  patientId: string;
  /** Decimal text as the sender gave it, such as `129.99`: the ledger is a checker's record, so nothing is rounded. */
  amount: string;
  methodId: string | null;
  /** The sender's own name for the method. It is shown when the practice does not know `methodId`. */
  methodName: string | null;
  reference: string | null;
  locationId: string | null;
  notes: string | null;
  /** YYYY-MM-DD; null where the dialect has no place for it. */
  depositDate: string | null;
};

/** The fields that the ledger adds to a posting. `receivedAt` is an ISO instant. */
export type Stamp = { id: string; receivedAt: string };

/** The number in a transaction id, for dialects whose ids are numbers: it is behind the prefix, where the id has one. */
export const numberInId = (id: string): number => Number(/\d{1,15}$/.exec(id)?.[0]);

/** One posting of the ledger. */
export type Entry = Stamp & {
  seq: number;
  posting: Posting;
  /** The posting as its dialect gives it back, as JSON text (less memory than objects: a benchmark makes hundreds of thousands). */
  document: string | null;
  /** Resolves when the entry is on disk; an answer that mentions the entry waits for it. */
  written: Promise<void>;
};

export type Ledger = {
  /**
   * Makes an entry. It can be found in the same tick, so that of two creates with the same key the second one finds
   * the first, and it is on disk when `written` resolves.
   *
   * @param writeDocument gives the dialect's own JSON text of the posting.
   */
  add(posting: Posting, writeDocument?: (stamp: Stamp) => string): Entry;
  byId(id: string): Entry | undefined;
  /** Entries whose payment id or other key is `key`, oldest first. */
  byKey(key: string): readonly Entry[];
  /** Oldest first; entry number `seq` is at index `seq - 1`. */
  readonly entries: readonly Entry[];
  size(): number;
  /** Keeps a change of the practice beside the postings. */
  keep(change: PracticeChange): Promise<void>;
  readonly kept: readonly PracticeChange[];
  /** Calls the listener for every entry once it is on disk. */
  onWritten(listener: (entry: Entry) => void): void;
  close(): Promise<void>;
};

export type PostingLine = Stamp & { kind: 'posting'; seq: number; posting: Posting; document: unknown };
/** One line of the ledger file. */
export type LedgerLine = PostingLine | PracticeChange;

/** Transaction ids look like an EMR's: plain numbers that do not begin at 1. */
const FIRST_ID = 13_969_262;
const KEPT: ReadonlySet<string> = new Set<PracticeChange['kind']>(['patient', 'location', 'methods', 'made']);

/**
 * Opens the ledger, whole after a kill: every entry that an answer mentioned is there, a half-written one is not.
 *
 * @param upgradeLine turns a line that an earlier version wrote into the current form, and returns any other as it is.
 */
export async function openLedger(
  { upgradeLine }: { upgradeLine: (line: unknown) => unknown },
  { path }: { path: string },
): Promise<Ledger> {
  const file = await openLedgerFile(path);
  const entries: Entry[] = [];
  const ids = new Map<string, Entry>();
  // Nearly every key has one entry, and an array around it would cost memory.
  const keys = new Map<string, Entry | Entry[]>();
  const kept: PracticeChange[] = [];
  const listeners: ((entry: Entry) => void)[] = [];

  function indexKey(key: string, entry: Entry): void {
    const others = keys.get(key);
    if (others === undefined) keys.set(key, entry);
    else if (Array.isArray(others)) {
      if (others.at(-1) !== entry) others.push(entry);
    } else if (others !== entry) keys.set(key, [others, entry]);
  }

  function index(entry: Entry): void {
    entries.push(entry);
    ids.set(entry.id, entry);
    const { paymentId, otherKeys } = entry.posting;
    if (paymentId !== null) indexKey(paymentId, entry);
    for (const key of otherKeys) indexKey(key, entry);
  }

  const onDisk = Promise.resolve();
  for (const [number, text] of file.lines.entries()) {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (cause) {
      throw new Error(`line ${number + 1} of the ledger file is not JSON; move the file away`, { cause });
    }
    const line = upgradeLine(json) as LedgerLine;
    if (line.kind === 'posting') {
      const { seq, id, receivedAt, posting } = line;
      const document = line.document === null ? null : JSON.stringify(line.document);
      index({ seq, id, receivedAt, posting, document, written: onDisk });
    } else if (KEPT.has(line.kind)) kept.push(line);
    else throw new Error(`line ${number + 1} of the ledger file is of an unknown kind; move the file away`);
  }

  return {
    entries,
    kept,
    size: () => entries.length,
    byId: (id) => ids.get(id),
    byKey(key) {
      const found = keys.get(key);
      if (found === undefined) return [];
      return Array.isArray(found) ? found : [found];
    },
    add(posting, writeDocument) {
      const seq = entries.length + 1;
      const id = `${posting.idPrefix ?? ''}${FIRST_ID + entries.length}`;
      const receivedAt = new Date().toISOString();
      const document = writeDocument?.({ id, receivedAt }) ?? null;
      const head = `{"kind":"posting","seq":${seq},"id":"${id}","receivedAt":"${receivedAt}"`;
      const written = file.append(`${head},"posting":${JSON.stringify(posting)},"document":${document}}`);
      const entry: Entry = { seq, id, receivedAt, posting, document, written };
      index(entry);
      written.then(
        () => {
          for (const listener of listeners) listener(entry);
        },
        () => undefined, // every answer that waits for `written` gets the error
      );
      return entry;
    },
    keep(change) {
      kept.push(change);
      return file.append(JSON.stringify(change));
    },
    onWritten(listener) {
      listeners.push(listener);
    },
    close: () => file.close(),
  };
}
