import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { LedgerEntry } from '../records.ts';

export type Json = Readonly<Record<string, unknown>>;

/** One entry of the foreign EMR, in the form in which it shows it. */
export type ForeignEntry = {
  id: string;
  paymentId: string;
  reference: string;
  resource: Json;
  /** From then on a search finds it: the index of the EMR is late. A time of `Date.now()`. */
  visibleAt: number;
  /** And only after so many searches for it. */
  hiddenSearches: number;
  /** The EMR wrote something else than it was sent. */
  altered: boolean;
};

export type AnswerKind = 'create' | 'search' | 'read';

/** One answer about one payment: which shape was drawn for it. */
export type ForeignAnswer = {
  kind: AnswerKind;
  shape: string;
  paymentId: string;
  reference: string;
  /** The EMR said that it took the request, and proved no entry. */
  takenOnly: boolean;
};

type Line = { entry: ForeignEntry } | { answer: ForeignAnswer };

/**
 * The foreign EMR's own record of what it wrote and how it answered. A line is in the file before the answer leaves, so a
 * `kill -9` loses nothing: an entry that was written later than its line is complete, and one without a line was never made.
 */
export type ForeignLedger = {
  readonly entries: readonly ForeignEntry[];
  readonly answers: readonly ForeignAnswer[];
  add(entry: ForeignEntry): void;
  record(answer: ForeignAnswer): void;
  entriesOf(paymentId: string): readonly ForeignEntry[];
  /** The reference of a payment that was sent here, whether or not an entry was written; null for another. */
  referenceOf(paymentId: string): string | null;
  /** How many answers of this kind there were about the payment with this reference. */
  answered(kind: AnswerKind, reference: string): number;
};

/** Reads the lines of a file; the last one may have been cut short by a kill, and then was never answered. */
export function readLines<T>(file: string): T[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line): T[] => {
      try {
        return [JSON.parse(line) as T];
      } catch {
        return [];
      }
    });
}

/** Opens the ledger. @param file kept across restarts; null keeps nothing. */
export function openLedger(file: string | null): ForeignLedger {
  const entries: ForeignEntry[] = [];
  const answers: ForeignAnswer[] = [];
  const byPayment = new Map<string, ForeignEntry[]>();
  const references = new Map<string, string>();
  const counts = new Map<string, number>();

  function take(line: Line): void {
    if ('entry' in line) {
      entries.push(line.entry);
      byPayment.set(line.entry.paymentId, [...(byPayment.get(line.entry.paymentId) ?? []), line.entry]);
    } else {
      answers.push(line.answer);
      references.set(line.answer.paymentId, line.answer.reference);
      const key = `${line.answer.kind} ${line.answer.reference}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  if (file !== null) for (const line of readLines<Line>(file)) take(line);
  // A line that a kill cut short must not swallow the next one.
  let before = '\n';

  function write(line: Line): void {
    if (file !== null) appendFileSync(file, `${before}${JSON.stringify(line)}\n`);
    before = '';
    take(line);
  }
  return {
    entries,
    answers,
    add: (entry) => write({ entry }),
    record: (answer) => write({ answer }),
    entriesOf: (paymentId) => byPayment.get(paymentId) ?? [],
    referenceOf: (paymentId) => references.get(paymentId) ?? null,
    answered: (kind, reference) => counts.get(`${kind} ${reference}`) ?? 0,
  };
}

type Resource = {
  paymentIssuer?: { reference?: string };
  method?: { text?: string };
  location?: { reference?: string };
  amount?: { value?: number };
};

/** The entry as the checker compares it. */
export function toLedgerEntry(entry: ForeignEntry, mrnOf: (patientId: string) => string | null): LedgerEntry {
  const { paymentIssuer, method, location, amount } = entry.resource as Resource;
  return {
    emr_transaction_id: entry.id,
    payment_id: entry.paymentId,
    reference_number: entry.reference,
    patient_mrn: mrnOf(paymentIssuer?.reference?.replace('Patient/', '') ?? ''),
    amount: amount?.value ?? 0,
    payment_method: method?.text ?? null,
    location: location?.reference?.replace('Location/loc-', '') ?? null,
    altered: entry.altered,
  };
}
